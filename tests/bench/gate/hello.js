// The floor: what workerd itself takes to answer.
export default {
  fetch() {
    return new Response("hello\n");
  },
};
