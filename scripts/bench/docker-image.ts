import { spawn } from 'node:child_process';
import { createGzip } from 'node:zlib';
import { docker } from '../../test/docker/local-command.ts';

export interface ImageSize {
  readonly sizeMB: number;
  /** As a registry keeps it and a task pulls it: gzip, at its default level. */
  readonly compressedMB: number;
}

export async function measureImage(image: string): Promise<ImageSize> {
  const [bytes] = docker('image', 'inspect', '--format', '{{.Size}}', image);
  const archive = spawn('docker', ['save', image], { stdio: ['ignore', 'pipe', 'inherit'] });
  let compressedBytes = 0;
  for await (const chunk of archive.stdout.pipe(createGzip())) compressedBytes += (chunk as Buffer).length;
  return { sizeMB: Number(bytes) / 2 ** 20, compressedMB: compressedBytes / 2 ** 20 };
}
