/**
 * Preloaded into a sidecar under test (NODE_OPTIONS=--import): the first two draws of Math.random, which are the
 * jitter of the first line of each of two streams, are a tenth, so that it takes one second at most and not ten.
 */
const draw = Math.random;
let drawCount = 0;
Math.random = () => {
  drawCount += 1;
  return drawCount <= 2 ? draw() / 10 : draw();
};
