import { describe, expect, it } from 'vitest';
import { processTree, type Selection } from '../../src/proc/selection.ts';
import { MemoryReader } from './memory-reader.ts';
import { process } from './stat-line.ts';

const nobody = (): boolean => false;
const pids = (
  select: Selection,
  reader: MemoryReader,
  isKnown: Parameters<Selection>[1] = nobody,
): number[] =>
  select(reader.processes(), isKnown)
    .map(({ pid }) => pid)
    .toSorted((a, b) => a - b);

describe('the processes of a tree', () => {
  it('are the root and all that descend from it', () => {
    const reader = new MemoryReader(
      { stat: process(1, 0) },
      { stat: process(20, 1) },
      { stat: process(21, 20) },
      { stat: process(22, 21) },
      { stat: process(30, 1) },
    );
    expect(pids(processTree(reader, 20), reader)).toEqual([20, 21, 22]);
  });

  it('still hold an orphan that was seen before, with the children it has had since', () => {
    const reader = new MemoryReader(
      { stat: process(20, 1) },
      { stat: process(22, 1) },
      { stat: process(23, 22) },
    );
    const select = processTree(reader, 20);
    expect(pids(select, reader)).toEqual([20]);
    expect(pids(select, reader, ({ pid }) => pid === 22)).toEqual([20, 22, 23]);
  });

  it('hold an orphan never seen before when it carries the marker', () => {
    const reader = new MemoryReader(
      { stat: process(20, 1) },
      { stat: process(25, 1), environment: ['PATH=/bin', 'RUN=abc'] },
      { stat: process(26, 25) },
      { stat: process(27, 1), environment: ['RUN=abcd'] },
      { stat: process(28, 1), environment: ['OTHER_RUN=abc'] },
      { stat: process(29, 1) },
    );
    expect(pids(processTree(reader, 20, 'RUN=abc'), reader)).toEqual([20, 25, 26]);
  });

  it("read a stranger's environment once, and that of a new process under its pid again", () => {
    const reader = new MemoryReader({ stat: process(20, 1) }, { stat: process(27, 1), environment: [] });
    const select = processTree(reader, 20, 'RUN=abc');
    pids(select, reader);
    pids(select, reader);
    expect(reader.environmentsRead).toEqual([27]);
    reader.set({ stat: process(27, 1, { startTicks: 99_000 }), environment: ['RUN=abc'] });
    expect(pids(select, reader)).toEqual([20, 27]);
  });

  it("do not ask a kernel thread for its environment, nor one of the tree's own", () => {
    const reader = new MemoryReader(
      { stat: process(2, 0, { isKernelThread: true }) },
      { stat: process(20, 1) },
    );
    pids(processTree(reader, 20, 'RUN=abc'), reader);
    expect(reader.environmentsRead).toEqual([]);
  });

  it("do not hold another process that got the root's pid, nor what is older than its parent", () => {
    const reader = new MemoryReader({ stat: process(20, 1, { startTicks: 5000 }) });
    const select = processTree(reader, 20);
    reader.set({ stat: process(20, 1, { startTicks: 9000 }) });
    expect(pids(select, reader)).toEqual([]);

    const older = new MemoryReader(
      { stat: process(20, 1, { startTicks: 5000 }) },
      { stat: process(21, 20, { startTicks: 4000 }) },
    );
    expect(pids(processTree(older, 20), older)).toEqual([20]);
  });

  it('are none when the root was gone before it could be looked at', () => {
    const reader = new MemoryReader({ stat: process(30, 1) });
    expect(pids(processTree(reader, 20), reader)).toEqual([]);
  });
});
