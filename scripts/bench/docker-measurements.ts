import { SIDECAR_IMAGE } from '../../test/docker/local-command.ts';
import build from '../../test/support/build.ts';
import { type Accuracy, measureAccuracy } from './docker-accuracy.ts';
import { type DockerFootprint, measureDockerFootprint } from './docker-footprint.ts';
import { type ImageSize, measureImage } from './docker-image.ts';
import { type DockerStart, measureDockerStart } from './docker-start.ts';

const OBSERVED_COUNTS = [1, 3, 10];
const START_RUNS = 15;
const REFRESHES_MS = [1_000, 10_000];

/** Everything that `npm run bench:docker` tells. */
export interface Measurements {
  readonly image: ImageSize;
  readonly start: DockerStart;
  readonly footprint: DockerFootprint;
  readonly accuracy: readonly Accuracy[];
}

export async function measure(minutes: number): Promise<Measurements> {
  build();
  progress('image size');
  const image = await measureImage(SIDECAR_IMAGE);
  progress(`start: ${START_RUNS} runs beside ${START_RUNS} of bare Node`);
  const start = await measureDockerStart(START_RUNS);
  progress(`footprint: 30 s to settle, then ${minutes} min`);
  const footprint = await measureDockerFootprint(OBSERVED_COUNTS, minutes);
  const accuracy: Accuracy[] = [];
  for (const refreshMs of REFRESHES_MS) {
    progress(`accuracy: loads at a refresh of ${refreshMs} ms`);
    accuracy.push(...(await measureAccuracy(refreshMs)));
  }
  return { image, start, footprint, accuracy };
}

function progress(text: string): void {
  console.error(`bench: ${text}`);
}
