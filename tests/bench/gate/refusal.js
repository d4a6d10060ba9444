// The floor of a refusal: a hello world that says as much as the gate's, with as many headers, and looks at nothing. The answer is handed to it once.
let answer;

export default {
  fetch(request, env) {
    answer ??= JSON.parse(env.ANSWER);
    return new Response(answer.body, { status: answer.status, headers: answer.headers });
  },
};
