/** The kernel's own counters of a container, read from outside, past every engine: in the form of cgroup v1. */
import { existsSync, readFileSync } from 'node:fs';
import { docker } from './local-command.ts';

const ROOT = '/sys/fs/cgroup';

/** Where there is cgroup v2 alone, there is no `memory.max_usage_in_bytes`, and other names for the rest. */
export const HAS_CGROUP_V1 = existsSync(`${ROOT}/cpuacct`) && existsSync(`${ROOT}/memory`);

export interface KernelCounters {
  readonly cpuUsageNs: number;
  readonly memoryUsageBytes: number;
  readonly maxMemoryUsageBytes: number;
  readonly cacheBytes: number;
  readonly anonBytes: number;
}

/**
 * @param id of the container, all 64 digits
 * @throws NodeJS.ErrnoException ENOENT when the container is gone, and ENODEV while it goes
 */
export function kernelCounters(id: string): KernelCounters {
  const memory = (file: string) => readFileSync(`${ROOT}/memory/docker/${id}/memory.${file}`, 'utf8');
  const stat = memory('stat');
  const figure = (name: string) => Number(new RegExp(`^total_${name} (\\d+)$`, 'm').exec(stat)?.[1]);
  return {
    cpuUsageNs: cpuUsageNs(id),
    memoryUsageBytes: Number(memory('usage_in_bytes')),
    maxMemoryUsageBytes: Number(memory('max_usage_in_bytes')),
    cacheBytes: figure('cache'),
    anonBytes: figure('rss'),
  };
}

export function cpuUsageNs(id: string): number {
  return Number(readFileSync(`${ROOT}/cpuacct/docker/${id}/cpuacct.usage`, 'utf8'));
}

/** All 64 digits, by which the kernel knows a container of a task that runs. */
export function containerId(taskId: string, name: string): string {
  const filters = ['--filter', `label=fargauge.task=${taskId}`, '--filter', `name=-${name}$`];
  const [id] = docker('ps', '--quiet', '--no-trunc', ...filters);
  if (id === undefined) throw new Error(`the task ${taskId} has no container ${name} that runs`);
  return id;
}
