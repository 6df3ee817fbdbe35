import { describe, expect, it } from 'vitest';
import { LINE_TYPES } from '../../src/core/fields.ts';
import { checkNames, lineTypesOf } from './check.ts';
import { parseQuery } from './parser.ts';
import { QueryError } from './query.ts';

const REPORTS = 'filter type = "REPORT"';

describe('the types of line that a query is about', () => {
  it.each([
    [REPORTS, ['REPORT']],
    ['filter type in ["START", "REPORT"] and seq > 1', ['START', 'REPORT']],
    ['filter type in ["START", "REPORT"] | filter type = "START"', ['START']],
    ['filter type = "START" or seq > 1', LINE_TYPES],
    ['filter seq > 1', LINE_TYPES],
  ])('%s', (text, types) => {
    expect(lineTypesOf(parseQuery(text))).toEqual(types);
  });
});

describe('an error is', () => {
  it.each([
    ['a misspelt field', `${REPORTS} | fields maxMemoryUsedMb`, 'there is no maxMemoryUsedMb here'],
    ['a field of other lines', `${REPORTS} | fields windowMs`, 'there is no windowMs here'],
    ['a field in a filter', `${REPORTS} and container = "x"`, 'there is no container here'],
    ['a type that no line has', 'filter type = "Report"', 'there are no lines of type Report'],
    [
      'a field that stats did not keep',
      'stats count(*) as runs by job | sort taskId asc',
      'there is no taskId here',
    ],
    [
      'a field beside an aggregate',
      `${REPORTS} | stats max(durationMs) - durationMs as restMs`,
      'there is no durationMs here',
    ],
    [
      'a name used before it is given',
      `${REPORTS} | stats aMs + 1 as bMs, max(durationMs) as aMs`,
      'there is no aMs here',
    ],
    ['a name given twice', 'stats count(*) as job by job', 'stats makes two columns called job'],
    [
      'ms that are called seconds',
      `${REPORTS} | fields durationMs as durationSeconds`,
      'durationSeconds is not in the unit',
    ],
    [
      'seconds that are called ms',
      `${REPORTS} | fields durationMs / 1000 as durationMs`,
      'durationMs is not in the unit',
    ],
    [
      'seconds without a unit',
      `${REPORTS} | fields durationMs / 1000 as duration`,
      'duration is not in the unit',
    ],
    [
      'a share that is called percent',
      `${REPORTS} | fields kernelCpuTimeMs / cpuTimeMs as kernelPercent`,
      'kernelPercent is not',
    ],
    [
      'CPU percent taken for units',
      `${REPORTS} | stats max(p95CpuPercent) as neededUnits`,
      'neededUnits is not in the unit',
    ],
    [
      'CPU percent taken for a share',
      `${REPORTS} | stats max(p95CpuPercent) as usedPercent`,
      'usedPercent is not in the unit',
    ],
    [
      'the sum of MB and ms',
      `${REPORTS} | fields durationMs + memorySizeMB as sumMs`,
      '+ is between different units',
    ],
    ['MB beside bytes', `${REPORTS} and blockReadBytes > memorySizeMB`, '> is between different units'],
    [
      'a price that is paid for the wrong thing',
      `${REPORTS} | fields 2 * 3 as usdPerGBHour
      | fields durationMs / 3600000 * cpuSizeUnits / 1024 * usdPerGBHour as usd`,
      'usd is not in the unit',
    ],
    [
      'a text compared with a number',
      `${REPORTS} and exitCode = "0"`,
      'a text stands where a number is wanted',
    ],
    ['arithmetic on a text', `${REPORTS} | fields job * 2 as x`, 'a text stands where a number is wanted'],
    ['a condition that is none', 'filter job', 'a text stands where a truth is wanted'],
    ['a truth in a result', 'fields ispresent(job) as isNamed', 'isNamed is true or false'],
    ['a time of no timestamp', 'fields toMillis(time) as atMs', 'toMillis is of no timestamp'],
    ['a bin of no period', 'stats count(*) as runs by bin(1)', 'bin is of a period'],
    ['a period outside bin', 'filter seq > 5m', '5m stands outside bin'],
  ])('%s', (_, text, message) => {
    const query = parseQuery(text);
    expect(() => checkNames(query)).toThrow(QueryError);
    expect(() => checkNames(query)).toThrow(message);
  });
});

describe('no error is', () => {
  it.each([
    ['hours of vCPU', 'fields billedDurationMs / 3600000 * cpuSizeUnits / 1024 as vcpuHours'],
    ['units out of CPU percent', 'stats max(p95CpuPercent) * 10.24 as neededUnits'],
    ['CPU percent out of CPU time', 'fields cpuTimeMs / durationMs * 100 as cpuPercent'],
    [
      'a percentage of counts',
      'stats count(*) as runs, count(errorType) / count(*) * 100 as failedPercent by job',
    ],
    ['an age', 'fields (now() * 1000 - toMillis(@timestamp)) / 60000 as ageMinutes'],
    ['an alias in the same stats', 'stats max(memorySizeMB) as sizeMB, sizeMB - 1 as restMB by job'],
  ])('%s', (_, text) => {
    expect(() => checkNames(parseQuery(`${REPORTS} | ${text}`))).not.toThrow();
  });
});
