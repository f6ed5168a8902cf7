// Makes a fresh clone ready and runs one of its commands. Uses nothing but Node itself.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, 'node_modules', '.bin', name);

/** Everything said here goes to stderr, so that stdout stays the program's own. */
const say = (text) => process.stderr.write(`${text}\n`);

function stop(code, text) {
  say(text);
  process.exit(code);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  stop(
    78,
    `Expected Node 20.19 or newer, found ${process.versions.node}. Install a current one from https://nodejs.org.`,
  );
}

/** Runs a step whose output matters only when it fails. */
function quietly(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: root, encoding: 'utf8', ...options });
  if (done.status === 0) return;
  say(`${done.stdout ?? ''}${done.stderr ?? ''}${done.error?.message ?? ''}`);
  stop(1, `Failed: ${command} ${args.join(' ')}`);
}

/** Two commands at once would install into each other; the second waits for the first. */
function withLock(name, work) {
  const lock = join(root, `.${name}.lock`);
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
      if (age > 300_000) rmSync(lock, { recursive: true, force: true });
      else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
  const free = () => rmSync(lock, { recursive: true, force: true });
  process.on('exit', free);
  try {
    return work();
  } finally {
    free();
    process.off('exit', free);
  }
}

/** Installs the packages when they are missing or not those of the lock file. */
export function ensurePackages() {
  const hash = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.turnstile-lock');
  const isCurrent = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === hash;
  if (isCurrent()) return;
  withLock('install', () => {
    if (isCurrent()) return;
    say('Installing packages (npm ci) …');
    quietly('npm', ['ci', '--no-audit', '--no-fund'], { shell: process.platform === 'win32' });
    writeFileSync(stamp, hash);
  });
}

function newest(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  if (!found.isDirectory()) return found.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** Runs a build whose stamp is older than one of its sources. */
function buildWhenOld(stampName, sources, ...command) {
  const stamp = join(root, 'dist', stampName);
  const isCurrent = () => {
    const built = statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return sources.every((source) => newest(join(root, source)) <= built);
  };
  if (isCurrent()) return;
  withLock('build', () => {
    if (isCurrent()) return;
    quietly(process.execPath, command);
    writeFileSync(stamp, '');
  });
}

/** Compiles into dist/ when a source is newer; with `page`, builds the demo's chat page as well. */
export function ensureBuilt({ page = false } = {}) {
  const tool = (...path) => join(root, 'node_modules', ...path);
  buildWhenOld(
    '.built',
    [
      ...['src', 'machines', 'bench', 'test/proof/chaos', 'test/support/crashing.ts'],
      ...['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'],
    ],
    tool('typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.build.json',
  );
  if (!page) return;
  buildWhenOld(
    '.page-built',
    ['src/sandbox/page/client', 'src/sandbox/page/wire.ts', 'vite.config.ts', 'package-lock.json'],
    tool('vite', 'bin', 'vite.js'),
    'build',
    '--logLevel',
    'warn',
  );
}

const serverFolders = [
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/sbin',
  '/usr/bin',
  '/usr/local/bin',
  '/opt/homebrew/bin',
];
const hasServer = () =>
  serverFolders.some(
    (folder) =>
      folder !== '' && ['redis-server', 'valkey-server'].some((name) => existsSync(join(folder, name))),
  );
const onPath = (name) => serverFolders.some((folder) => folder !== '' && existsSync(join(folder, name)));

const isRoot = process.getuid?.() === 0;
const mayInstall = () =>
  onPath('apt-get') &&
  (isRoot || (onPath('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0));

/** Installs packages of Debian's where `mayInstall`. A server among them is not started: the bot starts a private one. */
function aptInstall(names, run) {
  say(`Installing ${names.join(' and ')} (apt-get) …`);
  const policy = '/usr/sbin/policy-rc.d';
  const ownPolicy = isRoot && !existsSync(policy);
  if (ownPolicy) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const apt = (...args) =>
      isRoot ? run('apt-get', args, { env }) : run('sudo', ['-n', '-E', 'apt-get', ...args], { env });
    apt('update', '-qq');
    return apt('install', '-y', '-qq', '--no-install-recommends', ...names);
  } finally {
    if (ownPolicy) rmSync(policy, { force: true });
  }
}

/** Installs redis-server by apt-get where that is allowed; elsewhere stops with the command to run. */
function ensureServer() {
  if (hasServer()) return;
  if (!mayInstall()) {
    const commands = [
      ['apt-get', 'sudo apt-get install -y redis-server'],
      ['dnf', 'sudo dnf install -y valkey'],
      ['apk', 'sudo apk add redis'],
      ['pacman', 'sudo pacman -S valkey'],
      ['brew', 'brew install redis'],
    ];
    const command = commands.find(([tool]) => onPath(tool))?.[1] ?? 'see https://redis.io/docs/install';
    stop(
      69,
      `Turnstile keeps everything in Redis, and redis-server is not on this machine. Install it with:\n  ${command}\nThen run this command again.`,
    );
  }
  aptInstall(['redis-server'], quietly);
}

/** Where the tests look for a browser; CHROMIUM names another one. */
const browsers = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Installs chromium for the test of the chat page where that is allowed. Without it the test is skipped, and says so. */
function ensureBrowser() {
  if (process.env.CHROMIUM || browsers.some(onPath) || !mayInstall()) return;
  aptInstall(['chromium', 'fonts-liberation'], (command, args, options) => {
    const done = spawnSync(command, args, { encoding: 'utf8', ...options });
    if (done.status !== 0)
      say(`chromium could not be installed: ${(done.stderr ?? '').trim().split('\n').at(-1)}`);
  });
}

/** REDIS_URL in the environment or in .env: the operator brings a Redis. */
function bringsRedis() {
  if (process.env.REDIS_URL) return true;
  const file = join(process.cwd(), '.env');
  return (
    existsSync(file) && /^\s*(?:export\s+)?REDIS_URL\s*=\s*['"]?[^\s'"#]/m.test(readFileSync(file, 'utf8'))
  );
}

/** Runs a command in this one's place: its signals, its streams, its exit code. */
function become(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // Ctrl-C in a terminal reaches the child as well; this process only must not end before it.
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
  }
  child.on('error', (error) => stop(1, error.message));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}

const runMain = (command, args) =>
  become(process.execPath, [join(root, 'dist', 'src', 'main.js'), command, ...args]);

function check() {
  const steps = [
    ['types', bin('tsc'), ['--noEmit', '-p', 'tsconfig.json']],
    ['types of the page', bin('tsc'), ['--noEmit', '-p', 'src/sandbox/page/client']],
    ['lint and format', bin('biome'), ['check', '--error-on-warnings', '.']],
    ['dead code', bin('knip'), []],
    ['layers', bin('vitest'), ['run', '--project', 'layers']],
    ['public faces', process.execPath, [join('scripts', 'bootstrap.mjs'), 'faces']],
  ];
  let failed = 0;
  for (const [name, command, args] of steps) {
    const done = spawnSync(command, args, {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
    if (done.status === 0) say(`ok      ${name}`);
    else {
      failed++;
      say(`FAILED  ${name}\n${done.stdout ?? ''}${done.stderr ?? ''}`);
    }
  }
  process.exit(failed === 0 ? 0 : 1);
}

const commands = {
  start: (args) => {
    if (!bringsRedis()) ensureServer();
    ensureBuilt();
    runMain('start', args);
  },
  demo: (args) => {
    ensureServer();
    ensureBuilt({ page: true });
    runMain('demo', args);
  },
  test: (args) => {
    ensureServer();
    ensureBrowser();
    ensureBuilt({ page: true });
    become(bin('vitest'), ['run', ...args]);
  },
  check: () => check(),
  /** Whether docs/api/ says what the libraries declare; `--write` renews it. */
  faces: (args) => {
    ensureBuilt();
    become(process.execPath, [join(root, 'scripts', 'api.mjs'), ...args]);
  },
  /** What npm pack and npm publish do first. */
  pack: () => ensureBuilt({ page: true }),
  bench: (args) => {
    ensureServer();
    ensureBuilt();
    become(process.execPath, [join(root, 'dist', 'bench', 'main.js'), ...args]);
  },
  chaos: (args) => {
    ensureServer();
    ensureBuilt();
    become(process.execPath, [join(root, 'dist', 'test', 'proof', 'chaos', 'main.js'), ...args]);
  },
};

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [name = '', ...args] = process.argv.slice(2);
  if (!Object.hasOwn(commands, name))
    stop(64, `Expected one of ${Object.keys(commands).join(', ')}, found "${name}".`);
  checkNode();
  ensurePackages();
  commands[name](args);
}
