import { describe, expect, it } from 'vitest';
import { ProcessGroup } from '../../src/proc/process-group.ts';
import { processTree } from '../../src/proc/selection.ts';
import { MemoryReader } from './memory-reader.ts';
import { process } from './stat-line.ts';

const TICK_NS = 10_000_000;

const treeOf = (reader: MemoryReader, rootPid: number): ProcessGroup =>
  new ProcessGroup(reader, processTree(reader, rootPid));

describe('a group of processes', () => {
  it('sums CPU time by mode, threads, faults and bytes, what was inherited included', () => {
    const reader = new MemoryReader(
      {
        stat: process(20, 1, {
          userTicks: 3,
          kernelTicks: 4,
          childUserTicks: 10,
          childKernelTicks: 20,
          threadCount: 2,
          majorFaultCount: 5,
          childMajorFaultCount: 6,
        }),
        io: { readBytes: 100, writeBytes: 200 },
      },
      { stat: process(21, 20, { userTicks: 30, threadCount: 3 }), io: { readBytes: 1, writeBytes: 2 } },
    );
    expect(treeOf(reader, 20).look()).toEqual({
      cpuUserNs: 43 * TICK_NS,
      cpuKernelNs: 24 * TICK_NS,
      memory: { anonBytes: 0, fileBytes: 0, shmemBytes: 0 },
      processCount: 2,
      threadCount: 5,
      majorFaultCount: 11,
      io: { readBytes: 101, writeBytes: 202 },
    });
  });

  it('has no bytes read or written where no process shows its own', () => {
    const reader = new MemoryReader({ stat: process(20, 1) });
    expect(treeOf(reader, 20).look()).not.toHaveProperty('io');
  });

  it('keeps the bytes of a process that stops showing them', () => {
    const reader = new MemoryReader({ stat: process(20, 1), io: { readBytes: 100, writeBytes: 200 } });
    const group = treeOf(reader, 20);
    group.look();
    reader.set({ stat: process(20, 1) });
    expect(group.look().io).toEqual({ readBytes: 100, writeBytes: 200 });
  });

  it('keeps the time of an orphan that init has reaped', () => {
    const reader = new MemoryReader({ stat: process(20, 1) }, { stat: process(21, 20, { userTicks: 7 }) });
    const group = treeOf(reader, 20);
    group.look();
    reader.change(21, { parentPid: 1, userTicks: 9 });
    expect(group.look().cpuUserNs).toBe(9 * TICK_NS);
    reader.table.delete(21);
    expect(group.look()).toMatchObject({ cpuUserNs: 9 * TICK_NS, processCount: 1 });
  });

  it('does not mix up two processes that had the same pid', () => {
    const reader = new MemoryReader({ stat: process(20, 1) }, { stat: process(21, 20, { userTicks: 7 }) });
    const group = treeOf(reader, 20);
    group.look();
    reader.set({ stat: process(21, 20, { startTicks: 99_000, userTicks: 2 }) });
    reader.change(20, { childUserTicks: 8 });
    expect(group.look().cpuUserNs).toBe(10 * TICK_NS);
  });

  it('counts a child once that ends between the look at its parent and the look at itself', () => {
    const reader = new MemoryReader({ stat: process(20, 1) }, { stat: process(21, 20, { userTicks: 7 }) });
    const group = treeOf(reader, 20);
    group.look();
    reader.beforeStat = (pid) => {
      if (pid !== 21 || !reader.table.delete(21)) return;
      reader.change(20, { childUserTicks: 8 });
    };
    expect(group.look().cpuUserNs).toBe(8 * TICK_NS);
    expect(group.look().cpuUserNs).toBe(8 * TICK_NS);
  });

  it('counts a child once that ends after the look at itself, though it is listed before its parent', () => {
    const reader = new MemoryReader(
      { stat: process(10, 20, { userTicks: 7, startTicks: 9000 }) },
      { stat: process(20, 1) },
    );
    const group = new ProcessGroup(reader, (all) => all);
    group.look();
    let isChildRead = false;
    reader.beforeStat = (pid) => {
      if (pid === 10) isChildRead = true;
      else if (isChildRead && reader.table.delete(10)) reader.change(20, { childUserTicks: 8 });
    };
    expect(group.look().cpuUserNs).toBe(7 * TICK_NS);
    expect(group.look().cpuUserNs).toBe(8 * TICK_NS);
  });

  it('does not take a process for another that ends and leaves it its pid during a look', () => {
    const reader = new MemoryReader({ stat: process(20, 1) }, { stat: process(21, 20, { userTicks: 7 }) });
    const group = treeOf(reader, 20);
    group.look();
    reader.beforeStat = (pid) => {
      if (pid !== 21) return;
      reader.set({ stat: process(21, 1, { startTicks: 99_000, userTicks: 500 }) });
      reader.change(20, { childUserTicks: 8 });
    };
    expect(group.look()).toMatchObject({ cpuUserNs: 8 * TICK_NS, processCount: 1 });
  });

  it('counts a child once whose parent is just inheriting from it', () => {
    const reader = new MemoryReader({ stat: process(20, 1) }, { stat: process(21, 20, { userTicks: 7 }) });
    const group = treeOf(reader, 20);
    group.look();
    reader.change(21, { state: 'X' });
    reader.change(20, { childUserTicks: 7 });
    expect(group.look().cpuUserNs).toBe(7 * TICK_NS);
  });

  it('leaves the counters as they were when members end faster than they can be read, and catches up', () => {
    const children = Array.from({ length: 30 }, (_, index) => process(21 + index, 20, { userTicks: 1 }));
    const reader = new MemoryReader({ stat: process(20, 1) }, ...children.map((stat) => ({ stat })));
    const group = treeOf(reader, 20);
    expect(group.look().cpuUserNs).toBe(30 * TICK_NS);

    let inherited = 0;
    let lastReadPid = 0;
    reader.beforeStat = (pid) => {
      if (lastReadPid === 20) {
        const other = reader.processes().find((stat) => stat.parentPid === 20 && stat.pid !== pid);
        if (other !== undefined) reader.table.delete(other.pid);
        inherited += 2;
        reader.change(20, { childUserTicks: inherited });
      }
      lastReadPid = pid;
    };
    expect(group.look().cpuUserNs).toBe(30 * TICK_NS);
    reader.beforeStat = () => {};
    const livingChildCount = reader.table.size - 1;
    expect(group.look().cpuUserNs).toBe((inherited + livingChildCount) * TICK_NS);
    expect(livingChildCount).toBeLessThan(30);
  });
});
