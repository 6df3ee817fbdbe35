import { afterAll, describe, expect, it } from 'vitest';
import { Program } from '../support/program.ts';
import { AWAIT_GO, Exchange } from './exchange.ts';
import { containerId } from './kernel-counters.ts';
import { BATCH_IMAGE, docker, LocalCommand, remains, runToEnd, script } from './local-command.ts';

const PATIENCE = { timeout: 30_000, interval: 100 };

/** Containers, without a sidecar among them. */
function task(containers: readonly object[], more: object = {}): string {
  return JSON.stringify({
    family: 'parts',
    networkMode: 'awsvpc',
    containerDefinitions: containers,
    ...more,
  });
}

const main = (text: string, more: object = {}) => ({ name: 'main', ...script(text), memory: 64, ...more });
const other = (text: string, more: object = {}) => ({
  name: 'other',
  essential: false,
  ...script(text),
  memory: 64,
  ...more,
});
const waitFor = (condition: string) => ({ dependsOn: [{ containerName: 'other', condition }] });

afterAll(() => {
  expect(remains()).toEqual([]);
});

describe.concurrent('dependsOn on a Docker Engine', () => {
  it('HEALTHY waits for the health check', async () => {
    const healthCheck = { command: ['CMD-SHELL', 'test -e /ready'], interval: 5, startPeriod: 0 };
    const web = other('sleep 1; touch /ready; exec sleep 60', { healthCheck, stopTimeout: 2 });
    const end = await runToEnd(task([main('exit 0', waitFor('HEALTHY')), web]));
    expect(end.exitCode, end.said.join('\n')).toBe(0);
    expect(end.said.filter((text) => text.endsWith('started'))).toEqual(['other: started', 'main: started']);
  });

  it('SUCCESS that does not come ends an essential container with 143, and so the task', async () => {
    const end = await runToEnd(task([main('exit 0', waitFor('SUCCESS')), other('exit 9')]));
    expect(end.exitCode).toBe(143);
    expect(end.said).toContain('main: not started: other stopped with exit code 9');
  });

  it('COMPLETE takes any exit code', async () => {
    const end = await runToEnd(task([main('echo here', waitFor('COMPLETE')), other('exit 9')]));
    expect(end.exitCode).toBe(0);
    expect(end.written.get('main')).toEqual(['here']);
  });

  it('stops waiting after the startTimeout', async () => {
    const slow = other('exec sleep 60', { startTimeout: 2, stopTimeout: 2 });
    const end = await runToEnd(task([main('exit 0', waitFor('COMPLETE')), slow]));
    expect(end.exitCode).toBe(143);
    expect(end.said).toContain('main: not started: other did not reach COMPLETE within its startTimeout');
  });
});

describe.concurrent('a container on a Docker Engine', () => {
  it('has the environment, user, directory, limits and volumes of its definition', async () => {
    const definition = main(
      'echo "$GREETING $(id -u) $PWD"; ulimit -n; echo kept > /data/file; cat /data/file; touch /file || exit 7',
      {
        environment: [{ name: 'GREETING', value: 'from the definition' }],
        user: '1000',
        workingDirectory: '/tmp',
        readonlyRootFilesystem: true,
        ulimits: [{ name: 'nofile', softLimit: 111, hardLimit: 222 }],
        linuxParameters: { tmpfs: [{ containerPath: '/data', size: 1, mountOptions: ['mode=1777'] }] },
      },
    );
    const end = await runToEnd(task([definition]), '--env', 'main:GREETING=hello');
    expect(end.written.get('main')).toEqual(['hello 1000 /tmp', '111', 'kept']);
    expect(end.exitCode).toBe(7);
  });

  it('shares its localhost under awsvpc, and a volume where it mounts it', async () => {
    const mountPoints = [{ sourceVolume: 'scratch', containerPath: '/scratch' }];
    const server = other('echo shared > /scratch/index.html; exec httpd -f -p 8080 -h /scratch', {
      mountPoints,
      stopTimeout: 2,
    });
    const client = main(
      'until wget -q -O - http://localhost:8080/index.html; do sleep 0.2; done; cat /scratch/index.html',
      { mountPoints, ...waitFor('START') },
    );
    const end = await runToEnd(task([client, server], { volumes: [{ name: 'scratch' }] }));
    expect(end.exitCode).toBe(0);
    expect(end.written.get('main')).toEqual(['shared', 'shared']);
  });

  it('is found by its name under bridge', async () => {
    const server = other('mkdir /www; echo found > /www/index.html; exec httpd -f -p 8080 -h /www', {
      stopTimeout: 2,
    });
    const client = main(
      'until wget -q -O - http://other:8080/index.html; do sleep 0.2; done',
      waitFor('START'),
    );
    const end = await runToEnd(task([client, server], { networkMode: 'bridge' }));
    expect(end.written.get('main')).toEqual(['found']);
  });

  it('publishes its ports to this machine', async () => {
    const portMappings = [{ containerPort: 18_080 }];
    const server = main('mkdir /www; echo here > /www/index.html; echo up; exec httpd -f -p 18080 -h /www', {
      portMappings,
      stopTimeout: 2,
    });
    await using command = new LocalCommand(['-'], task([server]));
    await command.wrote(/\| up$/);
    const answer = () =>
      fetch('http://127.0.0.1:18080/').then(
        (response) => response.text(),
        () => '',
      );
    await expect.poll(answer, PATIENCE).toBe('here\n');
  });

  it('whose program is not there ends with 127, and what the engine says', async () => {
    const end = await runToEnd(task([{ ...main(''), entryPoint: ['/nonexistent'] }]));
    expect(end.exitCode).toBe(127);
    expect(end.said).toContainEqual(
      expect.stringMatching(/^main: not started: .*\/nonexistent.*no such file/),
    );
  });

  it('that restarts too often for its policy is left stopped', async () => {
    const end = await runToEnd(task([main('exit 3', { restartPolicy: { enabled: true } })]));
    expect(end.exitCode).toBe(3);
    expect(end.said.filter((text) => text.startsWith('main'))).toEqual([
      'main: started',
      'main: stopped, exit code 3',
    ]);
  });

  it('gets no AWS credentials of this environment, but what is passed on by name', async () => {
    const env = {
      ...process.env,
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
      TOKEN: 'wanted',
    };
    await using command = new LocalCommand(['--env', 'TOKEN', '-'], task([main('env')]), env);
    const { written } = await command.ended();
    const names = written.get('main') ?? [];
    expect(names.filter((line) => /^(AWS_|TOKEN)/.test(line)).toSorted()).toEqual([
      'AWS_EXECUTION_ENV=AWS_ECS_EC2',
      'TOKEN=wanted',
    ]);
  });

  it('runs without what was left out', async () => {
    const definition = task([
      main('echo "[$SECRET]"', { secrets: [{ name: 'SECRET', valueFrom: 'arn:…' }] }),
    ]);
    const refused = await runToEnd(definition);
    expect(refused.exitCode).toBe(2);
    expect(refused.said[0]).toMatch(/containerDefinitions\[0\]\.secrets is .* not possible here$/);
    const end = await runToEnd(definition, '--lenient');
    expect(end.exitCode).toBe(0);
    expect(end.said[0]).toMatch(/^left out: containerDefinitions\[0\]\.secrets /);
    expect(end.written.get('main')).toEqual(['[]']);
  });
});

describe('fargauge local', () => {
  it('removes, at its next start, what a killed one left behind', async () => {
    await using command = new LocalCommand(['-'], task([main('echo up; exec sleep 600')]));
    await command.wrote(/\| up$/);
    const { taskId } = command;
    command.process.kill('SIGKILL');
    await command.ended();
    expect(remains()).toContain(`container fargauge-${taskId.slice(0, 8)}-main`);
    const next = await runToEnd(task([main('exit 0')]));
    expect(next.said[0]).toBe(`removed what earlier runs had left behind: ${taskId}`);
    expect(remains()).toEqual([]);
  });

  it('leaves another run alone that is still alive, and takes another address beside it', async () => {
    await using first = new LocalCommand(['-'], task([main('echo up; read forever', { interactive: true })]));
    await first.wrote(/\| up$/);
    const second = await runToEnd(task([main('wget -q -O - "$ECS_CONTAINER_METADATA_URI_V4/task"')]));
    expect(first.transcript).toContain('its endpoint at http://169.254.170.2');
    expect(second.said[0]).toMatch(
      /its endpoint at http:\/\/1[\d.]+: 169\.254\.170\.0\/24 is in use \(.+\)$/,
    );
    expect(JSON.parse(second.written.get('main')?.[0] ?? '')).toMatchObject({ Family: 'parts' });
    expect(docker('ps', '--format', '{{.Names}}').some((name) => name.endsWith('-main'))).toBe(true);
    first.signal('SIGINT');
    // Two signals that are there at the same moment have no order.
    await first.wrote(/main: is asked to stop/);
    first.signal('SIGTERM');
    expect((await first.ended()).exitCode).toBe(130);
  });

  it('leaves alone what somebody made of its containers, at its end and at its next start', async () => {
    const name = `fargauge-test-${process.pid}`;
    try {
      const waiting = main('echo up; read forever', { interactive: true, stopTimeout: 2 });
      await using command = new LocalCommand(['-'], task([waiting]));
      await command.wrote(/\| up$/);
      docker('commit', containerId(command.taskId, 'main'), name);
      docker('run', '--detach', '--name', name, '--network', 'none', '--entrypoint', 'sleep', name, '600');
      const theirs = () => [
        ...docker('ps', '--format', '{{.Names}}', '--filter', 'label=fargauge.task'),
        ...docker('image', 'ls', '--format', '{{.Repository}}', '--filter', 'label=fargauge.task'),
      ];
      command.signal('SIGINT');
      await command.ended();
      expect(theirs()).toEqual([name, name]);
      const next = await runToEnd(task([main('exit 0')]));
      expect(next.said[0]).toMatch(/^task /);
      expect(theirs()).toEqual([name, name]);
    } finally {
      docker('rm', '--force', name);
      docker('image', 'rm', name);
    }
  });

  it('--port serves containers that run already, and a sidecar beside them writes their REPORT', async () => {
    using exchange = new Exchange();
    const name = `fargauge-test-${process.pid}`;
    const volume = ['--volume', `${exchange.folder}:/exchange`];
    const batch = ['--network', 'none', ...volume, BATCH_IMAGE, 'sh', '-c', `${AWAIT_GO}; exit 3`];
    docker('run', '--detach', '--name', name, '--label', name, '--memory', '64m', ...batch);
    try {
      await using command = new LocalCommand(['--port', '0', '--filter', `label=${name}`]);
      await command.wrote(new RegExp(`^fargauge local: ${name}: http`));
      const [endpoint = ''] = /http:\S+\/v4\/host/.exec(command.transcript) ?? [];
      const sidecar = new Program({ ECS_CONTAINER_METADATA_URI_V4: endpoint, FARGAUGE_OUTPUT: 'stdout' });
      await sidecar.line('START');
      exchange.go();
      const { lines, exitCode } = await sidecar.ended;
      expect(exitCode).toBe(0);
      expect(lines.at(-1)).toMatchObject({
        type: 'REPORT',
        family: 'local',
        launchType: 'EC2',
        status: 'failure',
        exitCode: 3,
      });
      expect(lines.at(-2)).toMatchObject({ type: 'CONTAINER', container: name, memorySizeMB: 64 });
      command.signal('SIGINT');
      expect((await command.ended()).exitCode).toBe(0);
    } finally {
      docker('rm', '--force', name);
    }
  });

  it('--port shows a container as running that was started again', async () => {
    const name = `fargauge-test-${process.pid}`;
    docker(
      'run',
      '--detach',
      '--name',
      name,
      '--label',
      name,
      '--network',
      'none',
      BATCH_IMAGE,
      'sleep',
      '600',
    );
    try {
      await using command = new LocalCommand(['--port', '0', '--filter', `label=${name}`]);
      const [, endpoint = ''] = await command.wrote(new RegExp(`^fargauge local: ${name}: (http\\S+)`));
      const shown = async () =>
        (await (await fetch(endpoint)).json()) as { KnownStatus: string; StartedAt: string };
      const before = await shown();
      docker('restart', '--time', '0', name);
      await expect.poll(async () => (await shown()).StartedAt !== before.StartedAt, PATIENCE).toBe(true);
      expect((await shown()).KnownStatus).toBe('RUNNING');
      // It does not wait for what goes on without it.
      command.signal('SIGINT');
      expect((await command.ended()).exitCode).toBe(0);
    } finally {
      docker('rm', '--force', name);
    }
  });

  it('tells which port is taken', async () => {
    await using first = new LocalCommand(['--port', '0', '--filter', 'label=nobody']);
    await first.wrote(/v4\/host$/);
    const [, port = ''] = /:(\d+)\/v4\/host/.exec(first.transcript) ?? [];
    await using second = new LocalCommand(['--port', port]);
    const { exitCode, said } = await second.ended();
    expect(exitCode).toBe(2);
    expect(said[0]).toMatch(`--port ${port}: cannot listen on 127.0.0.1: `);
  });
});
