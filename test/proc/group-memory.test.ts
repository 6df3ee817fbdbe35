import { describe, expect, it } from 'vitest';
import { groupMemory } from '../../src/proc/group-memory.ts';
import type { ProportionalMemory, ResidentMemory } from '../../src/proc/proc-files.ts';
import { MemoryReader } from './memory-reader.ts';
import { process } from './stat-line.ts';

const memory = (anonBytes: number, shmemBytes = 0, fileBytes = 0): ResidentMemory => ({
  anonBytes,
  fileBytes,
  shmemBytes,
});
/** @param mappedAnonBytes more than the share where pages are shared */
const share = (anonBytes: number, shmemBytes = 0, mappedAnonBytes = anonBytes): ProportionalMemory => ({
  ...memory(anonBytes, shmemBytes),
  mappedAnonBytes,
});
const total = (reader: MemoryReader): ResidentMemory => groupMemory(reader, reader.processes());

describe('memory of a group of processes', () => {
  it('programs that were started separately are summed without a walk over their pages', () => {
    const reader = new MemoryReader(
      { stat: process(20, 1, { stackStart: 'a' }), resident: memory(100, 0, 7), proportional: share(1) },
      { stat: process(21, 20, { stackStart: 'b' }), resident: memory(50, 9, 7), proportional: share(1) },
    );
    expect(total(reader)).toEqual(memory(150, 9, 14));
    expect(reader.proportionalsRead).toEqual([]);
  });

  it('pages that forked workers share with their parent count once', () => {
    const reader = new MemoryReader(
      { stat: process(20, 1, { stackStart: 'a' }), resident: memory(900), proportional: share(300, 0, 900) },
      ...[21, 22].map((pid) => ({
        stat: process(pid, 20, { stackStart: 'a', isForkWithoutExec: true }),
        resident: memory(910),
        proportional: share(310, 0, 910),
      })),
      { stat: process(23, 20, { stackStart: 'b' }), resident: memory(40) },
    );
    expect(total(reader)).toEqual(memory(300 + 310 + 310 + 40));
    expect(reader.proportionalsRead).toEqual([20, 21, 22]);
  });

  it('shared memory that several programs map counts once', () => {
    const reader = new MemoryReader(
      { stat: process(20, 1, { stackStart: 'a' }), resident: memory(10, 500), proportional: share(10, 250) },
      {
        stat: process(21, 20, { stackStart: 'b' }),
        resident: memory(20, 500),
        proportional: share(20, 250),
      },
      { stat: process(22, 20, { stackStart: 'c' }), resident: memory(30), proportional: share(1) },
    );
    expect(total(reader)).toEqual(memory(60, 500));
  });

  it('a young fork, which may be about to exec, is left out', () => {
    const young = process(21, 20, { stackStart: 'a', isForkWithoutExec: true, startTicks: 5000 });
    const reader = new MemoryReader(
      { stat: process(20, 1, { stackStart: 'a' }), resident: memory(900), proportional: share(500, 0, 900) },
      { stat: young, resident: memory(900), proportional: share(600, 0, 1000) },
    );
    reader.uptime = 5009;
    expect(total(reader)).toEqual(memory(900));
    reader.uptime = 5010;
    expect(total(reader)).toEqual(memory(1100));
  });

  it('a child between vfork and exec, which shows all of its parent, is left out, however long that takes', () => {
    const reader = new MemoryReader(
      { stat: process(20, 1, { stackStart: 'a' }), resident: memory(900), proportional: share(900) },
      {
        stat: process(21, 20, { stackStart: 'a', isForkWithoutExec: true }),
        resident: memory(900),
        proportional: share(900),
      },
    );
    expect(total(reader)).toEqual(memory(900));
  });

  it('a fork of the same size as its parent counts: some of their pages are shared', () => {
    const reader = new MemoryReader(
      { stat: process(20, 1, { stackStart: 'a' }), resident: memory(900), proportional: share(450, 0, 900) },
      {
        stat: process(21, 20, { stackStart: 'a', isForkWithoutExec: true }),
        resident: memory(900),
        proportional: share(450, 0, 900),
      },
    );
    expect(total(reader)).toEqual(memory(900));
  });

  it('a fork dated later than the clock says is counted: that clock is not its own', () => {
    const fork = process(21, 20, { stackStart: 'b', isForkWithoutExec: true, startTicks: 5000 });
    const reader = new MemoryReader({ stat: fork, resident: memory(70) });
    for (const uptime of [4000, undefined]) {
      reader.uptime = uptime;
      expect(total(reader), `uptime ${uptime}`).toEqual(memory(70));
    }
  });

  it('where shares cannot be read the resident pages count, and who is gone counts nothing', () => {
    const reader = new MemoryReader(
      { stat: process(20, 1, { stackStart: 'a' }), resident: memory(100) },
      { stat: process(21, 20, { stackStart: 'a' }), resident: memory(100) },
      { stat: process(22, 20) },
    );
    expect(total(reader)).toEqual(memory(200));
  });
});
