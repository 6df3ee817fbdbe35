import { expect, it } from 'vitest';
import { change, duration, gigabytes, hours, usd, vcpus } from '../../src/report/quantities.ts';

it.each([
  [duration, 4_000, '4.0s'],
  [duration, 59_949, '59.9s'],
  [duration, 59_950, '1m00s'],
  [duration, 402_000, '6m42s'],
  [duration, 3_599_600, '1h00m'],
  [duration, 7_500_000, '2h05m'],
  [duration, 86_399_999, '1d00h'],
  [duration, 273_600_000, '3d04h'],
  [usd, 0, '0.00'],
  [usd, 0.00111, '0.0011'],
  [usd, 1.689, '1.69'],
  [usd, 12_345.6, '12,345.60'],
  [hours, 0, '0'],
  [hours, 0.004, '<0.01'],
  [hours, 0.447, '0.45'],
  [hours, 25.44, '25.4'],
  [hours, 1_234.5, '1,235'],
  [vcpus, 256, '0.25'],
  [vcpus, 16_384, '16'],
  [gigabytes, 512, '0.5'],
  [gigabytes, 30_720, '30'],
  [change, 46.6, '+47 %'],
  [change, -0.4, '0 %'],
  [change, -1_234, '−1,234 %'],
])('%o of %d is %s', (show, value, text) => {
  expect(show(value)).toBe(text);
});
