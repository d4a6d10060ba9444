// A Worker that only forwards: the floor for a request that is let through.
export default {
  fetch(request, env) {
    return env.UPSTREAM.fetch(request);
  },
};
