import { isObject, type Json, type JsonObject } from './json-text.ts';

/** A container, its keys in the API's spelling. In a template a name may be an object, such as `{ "Ref": … }`. */
export interface ContainerDefinition extends JsonObject {
  readonly name: string | JsonObject;
}

/** Whether two names, or what stands for them, are the same. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export function dependsOn(container: ContainerDefinition, name: string): boolean {
  return dependenciesOf(container).some(({ containerName }) => containerName === name);
}

/** What a container waits for. */
export function dependenciesOf(container: ContainerDefinition): readonly JsonObject[] {
  return objectsIn(container.dependsOn);
}

/** The value of a container's variable. */
export function variableOf(container: ContainerDefinition, wanted: string): Json | undefined {
  return objectsIn(container.environment).find(({ name }) => name === wanted)?.value;
}

const ECR_REGISTRY = /^\d{12}\.dkr[.-]ecr[.-][^/]+\.[^/]+(?=\/)/;

/** The private registry of ECR that an image is in. */
export function ecrRegistryOf(image: Json | undefined): string | undefined {
  return typeof image === 'string' ? image.match(ECR_REGISTRY)?.[0] : undefined;
}

/** The objects in a list; none where there is no list. */
export function objectsIn(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
