/**
 * A sidecar's program for tests of what runs it, with next to no start-up time. It writes what happens to it to the
 * file EVENTS, answers SIGTERM with a REPORT line and ends.
 */
const BODY = `
const fs = require('node:fs');
const http = require('node:http');
const note = (text) => fs.appendFileSync(process.env.EVENTS, text + '\\n');
const ask = (path, then) =>
  http.get(process.env.ECS_CONTAINER_METADATA_URI_V4 + path, { agent: false }, (response) => {
    let body = '';
    response.on('data', (chunk) => (body += chunk)).on('end', () => then(JSON.parse(body)));
  });
const report = () => {
  note('sidecar got SIGTERM');
  ask('/task', (task) => {
    const { KnownStatus, ExitCode } = task.Containers[0];
    const line = { type: 'REPORT', desired: task.DesiredStatus, batch: KnownStatus, exitCode: ExitCode, status: 'success' };
    process.stdout.write(JSON.stringify(line) + '\\n', () => {
      note('sidecar ends');
      process.exit(0);
    });
  });
};
const stat = fs.readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
const session = Number(stat[3]);
`;

/** Listens for SIGTERM, then asks its endpoint; \`beforeListening\` is JavaScript that is run first. */
export function fakeSidecar(beforeListening = '', onSigterm = 'report()'): readonly string[] {
  const start = `${beforeListening};
    process.on('SIGTERM', () => { ${onSigterm} });
    const { env, pid } = process;
    process.stdout.write(JSON.stringify({ type: 'START', env, pid, session }) + '\\n');
    ask('/task', () => note('sidecar asked'));
    setInterval(() => {}, 1000);`;
  return [process.execPath, '-e', `${BODY} ${start}`];
}
