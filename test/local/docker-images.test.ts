import { describe, expect, it } from 'vitest';
import { checkImages } from '../../src/local/docker-images.ts';
import { parseTaskDefinition } from '../../src/local/docker-task-definition.ts';
import { FakeEngine } from '../support/fake-engine.ts';

async function check(images: Record<string, string>, task: object = {}): Promise<readonly string[]> {
  const engine = new FakeEngine();
  for (const [reference, Architecture] of Object.entries(images)) {
    engine.images.set(reference, { Id: `sha256:${reference}`, Architecture });
  }
  const containerDefinitions = ['one', 'two'].map((name) => ({ name, image: `registry/${name}` }));
  const json = JSON.stringify({ family: 'f', containerDefinitions, ...task });
  return checkImages(engine, parseTaskDefinition(json, false).definition, ({ image }) => image);
}

describe('the images of a task', () => {
  it('are there, and for the architecture of the task: nothing to say', async () => {
    expect(await check({ 'registry/one': 'amd64', 'registry/two': 'amd64' })).toEqual([]);
    const runtimePlatform = { cpuArchitecture: 'ARM64' };
    expect(await check({ 'registry/one': 'arm64', 'registry/two': 'arm64' }, { runtimePlatform })).toEqual(
      [],
    );
  });

  it('for another architecture will not start on ECS, which is told', async () => {
    expect(await check({ 'registry/one': 'amd64', 'registry/two': 'arm64' })).toEqual([
      'container "two": the image registry/two is for arm64, but runtimePlatform.cpuArchitecture makes the task ' +
        'X86_64: it will not start on ECS',
    ]);
  });

  it('that are missing are all named, with what to do', async () => {
    await expect(check({})).rejects.toThrow(
      'container "one": the engine has no image registry/one; docker pull or docker build it, or name another one: ' +
        '--image one=IMAGE\n' +
        'container "two": the engine has no image registry/two; docker pull or docker build it, or name another one: ' +
        '--image two=IMAGE',
    );
  });
});
