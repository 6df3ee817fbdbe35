import { execFileSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { downloading } from './downloading.ts';

const DEBIAN = '/usr/bin/chromium';
const START_TIMEOUT_MS = 120_000;

/** It asks nobody for anything by itself; as root it has no sandbox. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * A Chromium without a window: the one that CHROMIUM names, else Debian's, which is installed with apt-get where it is
 * missing (that needs root).
 */
export function launchChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? DEBIAN;
  if (executablePath === DEBIAN && !existsSync(DEBIAN)) install();
  return chromium.launch({ executablePath, args: ARGUMENTS, timeout: START_TIMEOUT_MS });
}

function install(): void {
  const apt = (...args: readonly string[]) =>
    execFileSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  console.log('installing chromium');
  downloading('chromium', () => {
    if (globSync('/var/lib/apt/lists/*_Packages*').length === 0) apt('update');
    apt('install', '--yes', '--no-install-recommends', 'chromium');
  });
}
