import type { Engine } from './docker-engine.ts';
import type { ContainerDefinition, TaskDefinition } from './docker-task-definition.ts';

/** Images that the engine does not have. One problem a line. */
export class MissingImageError extends Error {
  override readonly name = 'MissingImageError';
}

const ARCHITECTURES: Readonly<Record<TaskDefinition['cpuArchitecture'], string>> = {
  X86_64: 'amd64',
  ARM64: 'arm64',
};

/**
 * Sees to it that the engine has every image. Nothing is pulled: `docker pull` knows the user's registries.
 * @returns what will be different on ECS, in words.
 * @throws MissingImageError
 */
export async function checkImages(
  engine: Engine,
  { containers, cpuArchitecture }: TaskDefinition,
  imageOf: (container: ContainerDefinition) => string,
): Promise<readonly string[]> {
  const missing: string[] = [];
  const notices: string[] = [];
  for (const container of containers) {
    const reference = imageOf(container);
    const image = await engine.image(reference);
    if (image === undefined) {
      missing.push(
        `container ${JSON.stringify(container.name)}: the engine has no image ${reference}; docker pull or ` +
          `docker build it, or name another one: --image ${container.name}=IMAGE`,
      );
    } else if (image.Architecture !== ARCHITECTURES[cpuArchitecture]) {
      notices.push(
        `container ${JSON.stringify(container.name)}: the image ${reference} is for ${image.Architecture}, but ` +
          `runtimePlatform.cpuArchitecture makes the task ${cpuArchitecture}: it will not start on ECS`,
      );
    }
  }
  if (missing.length > 0) throw new MissingImageError(missing.join('\n'));
  return notices;
}
