/** Figures as a person reads them. */

/** `4.2 s`, `6m 42s`, `2h 05m`, `3d 04h`. */
export function duration(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 3_600) return `${Math.floor(whole / 60)}m${twoDigits(whole % 60)}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)}h${twoDigits(minutes % 60)}m`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)}d${twoDigits(hours % 24)}h`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

/** Two decimals, below a hundredth two that count; thousands apart. */
export function usd(value: number): string {
  const isSmall = value !== 0 && Math.abs(value) < 0.01;
  return isSmall ? value.toPrecision(2) : grouped(value, 2);
}

/** At least two digits that count, thousands apart. */
export function hours(value: number): string {
  if (value === 0) return '0';
  if (value < 0.01) return '<0.01';
  return grouped(value, value < 1 ? 2 : value < 100 ? 1 : 0);
}

/** CPU units as vCPU: `0.25`, `4`. */
export function vcpus(units: number): string {
  return String(Math.round((units / 1_024) * 100) / 100);
}

/** MB as GB where they are whole or half: `0.5`, `16`; else one decimal. */
export function gigabytes(mb: number): string {
  return String(Math.round((mb / 1_024) * 10) / 10);
}

/** `+47 %`, `−3 %`, `0 %`. */
export function change(percent: number): string {
  const whole = Math.round(percent);
  if (whole === 0) return '0 %';
  return `${whole > 0 ? '+' : '−'}${grouped(Math.abs(whole), 0)} %`;
}

/** Thousands apart by a comma, whatever the locale. */
export function grouped(value: number, decimals = 0): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
}

/** `1 run`, `2 runs`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}
