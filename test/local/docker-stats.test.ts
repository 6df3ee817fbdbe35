import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSamples } from '../../src/endpoint/schema.ts';
import { ContainerStats, type EngineStats, parseEngineStats } from '../../src/local/docker-stats.ts';

const SUBJECT = { id: 'id', name: 'batch', networkInterface: 'eth1', sharesNetwork: false };
const at = (ms: number) => new Date(Date.UTC(2026, 0, 5, 3) + ms).toISOString();
const NO_THROTTLING = { periods: 0, throttled_periods: 0, throttled_time: 0 };

/** Figures as a load leaves them after so many seconds of CPU time, on cgroup v1. */
function engineStats(readMs: number, cpuNs: number, more: Partial<EngineStats> = {}): EngineStats {
  return {
    read: at(readMs),
    pids_stats: { current: 3, limit: 0 },
    blkio_stats: { io_service_bytes_recursive: [{ major: 8, minor: 0, op: 'Read', value: cpuNs }] },
    cpu_stats: {
      cpu_usage: {
        total_usage: cpuNs,
        percpu_usage: [cpuNs, 0],
        usage_in_kernelmode: 10,
        usage_in_usermode: cpuNs - 10,
      },
      system_cpu_usage: 1e12,
      online_cpus: 2,
      throttling_data: NO_THROTTLING,
    },
    memory_stats: { usage: 5000, max_usage: 6000, stats: { cache: 100 }, failcnt: 1, limit: 9000 },
    networks: { eth0: { rx_bytes: cpuNs, tx_bytes: 2 * cpuNs } },
    ...more,
  };
}

function stats(refreshMs = 1000, subject = SUBJECT): ContainerStats {
  return new ContainerStats(subject, refreshMs);
}

/** What the document says of CPU time now, and in the sample before. */
function cpuNs(container: ContainerStats): unknown {
  const { cpu_stats, precpu_stats } = JSON.parse(JSON.stringify(container.document('v4')));
  return [cpu_stats.cpu_usage.total_usage, precpu_stats.cpu_usage.total_usage];
}

describe("a container's stats", () => {
  it("are the engine's in the agent's struct, with the sample before beside them", () => {
    const container = stats();
    container.take(engineStats(1000, 1e9));
    container.take(engineStats(2000, 3e9));
    const cpu = (total: number) => ({
      cpu_usage: {
        total_usage: total,
        percpu_usage: [total, 0],
        usage_in_kernelmode: 10,
        usage_in_usermode: total - 10,
      },
      system_cpu_usage: 1e12,
      online_cpus: 2,
      throttling_data: NO_THROTTLING,
    });
    expect(container.document('v3')).toEqual({
      read: at(2000),
      preread: at(1000),
      pids_stats: { current: 3 },
      blkio_stats: {
        io_service_bytes_recursive: [{ major: 8, minor: 0, op: 'Read', value: 3e9 }],
        io_serviced_recursive: null,
        io_queue_recursive: null,
        io_service_time_recursive: null,
        io_wait_time_recursive: null,
        io_merged_recursive: null,
        io_time_recursive: null,
        sectors_recursive: null,
      },
      num_procs: 0,
      storage_stats: {},
      cpu_stats: cpu(3e9),
      precpu_stats: cpu(1e9),
      memory_stats: { usage: 5000, max_usage: 6000, stats: { cache: 100 }, failcnt: 1, limit: 9000 },
      name: 'batch',
      id: 'id',
      networks: { eth1: { rx_bytes: 3e9, tx_bytes: 6e9 } },
    });
  });

  it('have rates on v4, when there are two samples to take them from', () => {
    const container = stats();
    container.take(engineStats(1000, 1000));
    expect(container.document('v4')).not.toHaveProperty('network_rate_stats');
    container.take(engineStats(3000, 5000));
    expect(container.document('v4')).toMatchObject({
      network_rate_stats: { rx_bytes_per_sec: 2000, tx_bytes_per_sec: 4000 },
    });
    expect(container.document('v3')).not.toHaveProperty('network_rate_stats');
  });

  it('are none before the first sample, which has a zero time and zero counters before it', () => {
    const container = stats();
    expect(container.document('v4')).toBeUndefined();
    container.take(engineStats(1000, 7));
    expect(container.document('v4')).toMatchObject({
      preread: '0001-01-01T00:00:00Z',
      precpu_stats: { cpu_usage: { total_usage: 0 }, throttling_data: NO_THROTTLING },
    });
  });

  it('leave out what Go leaves out where it is empty', () => {
    const container = stats();
    container.take(
      engineStats(1000, 1, {
        pids_stats: {},
        memory_stats: {},
        blkio_stats: {},
        networks: {},
        cpu_stats: {
          cpu_usage: { total_usage: 1, usage_in_kernelmode: 0, usage_in_usermode: 1 },
          throttling_data: NO_THROTTLING,
        },
      }),
    );
    const shown = container.document('v4');
    expect(shown).toMatchObject({ pids_stats: {}, memory_stats: {} });
    expect(shown).not.toHaveProperty('networks');
    expect(Object.keys(shown?.cpu_stats ?? {})).toEqual(['cpu_usage', 'throttling_data']);
    expect(shown).not.toHaveProperty('cpu_stats.cpu_usage.percpu_usage');
  });

  it('pass over the zeros of a container that does not run', () => {
    const container = stats();
    container.take(engineStats(1000, 5));
    container.take({ ...engineStats(0, 0), read: '0001-01-01T00:00:00Z' });
    expect(cpuNs(container)).toEqual([5, 0]);
  });

  it('read as the sidecar reads those of ECS', () => {
    const container = stats();
    container.take(engineStats(1000, 1e9));
    container.take(engineStats(2000, 3e9));
    const answer = JSON.parse(JSON.stringify({ id: container.document('v4') }));
    expect(parseSamples(answer)?.get('id')).toMatchObject({
      readAtMs: Date.parse(at(2000)),
      cpuUsageNs: 3e9,
      previous: { readAtMs: Date.parse(at(1000)), cpuUsageNs: 1e9 },
      memory: { usageBytes: 5000, cacheBytes: 100, maxUsageBytes: 6000, failCount: 1 },
      networkRxBytes: 3e9,
    });
  });
});

describe('stats are renewed', () => {
  it('with each sample at a refresh time of a second, though the samples jitter', () => {
    const container = stats(1000);
    for (const [index, readMs] of [1000, 2004, 2990, 4047].entries()) {
      container.take(engineStats(readMs, index + 1));
      expect(cpuNs(container)).toEqual([index + 1, index]);
    }
  });

  it('with every tenth at one of ten, each beside the one shown before', () => {
    const container = stats(10_000);
    const shown: unknown[] = [];
    for (let second = 1; second <= 25; second += 1) {
      container.take(engineStats(second * 1004, second));
      shown.push(cpuNs(container));
    }
    expect(new Set(shown.map((each) => JSON.stringify(each)))).toEqual(
      new Set(['[1,0]', '[11,1]', '[21,11]']),
    );
  });
});

describe('over a restart', () => {
  it('counters go on where they were and peaks stay', () => {
    const container = stats();
    container.take(engineStats(1000, 100));
    container.startNewRun();
    container.take(
      engineStats(3000, 20, { memory_stats: { usage: 50, max_usage: 60, failcnt: 2, limit: 9000 } }),
    );
    expect(container.document('v4')).toMatchObject({
      cpu_stats: {
        cpu_usage: {
          total_usage: 120,
          percpu_usage: [120, 0],
          usage_in_kernelmode: 20,
          usage_in_usermode: 100,
        },
      },
      memory_stats: { usage: 50, max_usage: 6000, failcnt: 3 },
      blkio_stats: { io_service_bytes_recursive: [{ major: 8, minor: 0, op: 'Read', value: 120 }] },
      networks: { eth1: { rx_bytes: 120, tx_bytes: 240 } },
    });
  });

  it('the counters of a shared network are not the container’s, and are left as they are', () => {
    const container = stats(1000, { ...SUBJECT, sharesNetwork: true });
    container.take(engineStats(1000, 100));
    container.startNewRun();
    container.take(engineStats(3000, 150));
    expect(container.document('v4')).toMatchObject({ networks: { eth1: { rx_bytes: 150 } } });
  });

  it('CPU time never falls, and is the sum of what all runs used, seen or not', () => {
    const runs = fc.array(fc.array(fc.integer({ min: 1, max: 1e9 }), { minLength: 1 }), { minLength: 1 });
    fc.assert(
      fc.property(runs, fc.constantFrom(1000, 10_000), (usages, refreshMs) => {
        const container = stats(refreshMs);
        let readMs = 0;
        let shown = 0;
        let usedBefore = 0;
        for (const usage of usages) {
          let used = 0;
          for (const step of usage) {
            readMs += 1000;
            used += step;
            container.take(engineStats(readMs, used));
            const [now] = cpuNs(container) as [number];
            expect(now).toBeGreaterThanOrEqual(shown);
            if (refreshMs === 1000) expect(now).toBe(usedBefore + used);
            shown = now;
          }
          usedBefore += used;
          container.startNewRun();
        }
      }),
    );
  });
});

describe('numbers beyond 2^53', () => {
  it.each(['9223372036854771712', '18446744073709551615'])('such as %s keep all their digits', (digits) => {
    const json = JSON.stringify(engineStats(1000, 1)).replace('"limit":9000', `"limit":${digits}`);
    const container = stats();
    container.take(parseEngineStats(json));
    expect(JSON.stringify(container.document('v4'))).toContain(`"limit":${digits}}`);
  });

  it('are the only ones that are not plain numbers', () => {
    expect(parseEngineStats('{"a":9007199254740991,"b":1.5,"c":[0]}')).toEqual({
      a: 9007199254740991,
      b: 1.5,
      c: [0],
    });
  });
});
