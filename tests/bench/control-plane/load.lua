-- A script for wrk: requests from the file that LATCHKEY_LOAD names, drawn at random, and what came of them as a line of JSON. A line of
-- the file is a method, a path and a body, with tabs between them. With only one line all requests are the same.
local requests = {}

function init()
   math.randomseed(os.time())
   local type = os.getenv("LATCHKEY_CONTENT_TYPE")
   local headers = { Authorization = "Bearer " .. os.getenv("LATCHKEY_ADMIN_KEY"), ["Content-Type"] = type }
   for line in io.lines(os.getenv("LATCHKEY_LOAD")) do
      local method, path, body = line:match("^(%S+)\t(%S+)\t(.*)$")
      requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
   end
end

function request()
   return requests[math.random(#requests)]
end

function done(summary, latency)
   local errors = summary.errors
   io.write(string.format(
      '\n{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
      errors.connect + errors.read + errors.write + errors.timeout))
end
