// Tells what the public faces declare, as text: `npm run faces` says whether docs/api/ is current, `npm run faces -- --write` renews it.
// A change of a face is a change of these files. Reads the declarations of the build.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const faces = ['runtime', 'telegram', 'content', 'sandbox'];

/** The statements of a file of declarations, each with its name where it has one, and without comments. */
function statementsOf(file) {
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const found = [];
  let lines = [];
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    lines.push(line);
    const whole = lines.join('\n');
    const depth = [...whole].reduce(
      (sum, sign) => sum + ('{(['.includes(sign) ? 1 : '})]'.includes(sign) ? -1 : 0),
      0,
    );
    if (depth > 0 || !/[;}]$/.test(line)) continue;
    const [, name] =
      /^(?:export )?(?:declare )?(?:abstract )?(?:const|function|class|interface|type) (\w+)/.exec(whole) ??
      [];
    found.push({ name, text: whole });
    lines = [];
  }
  return found;
}

/** Names that a file takes from others or hands on, with the file and the name that each has there. */
function namesFrom(statements, word, file) {
  const pattern = new RegExp(`^${word} (?:type )?\\{([^}]*)\\} from '(\\.[^']+)';`);
  return statements.flatMap(({ text }) => {
    const [, names, from] = pattern.exec(text.replace(/\s+/g, ' ')) ?? [];
    if (from === undefined) return [];
    const target = resolve(dirname(file), from.replace(/\.[jt]s$/, '.d.ts'));
    return names
      .split(',')
      .map((name) => name.trim().replace(/^type /, ''))
      .filter((name) => name !== '')
      .map((name) => {
        const [there, here = there] = name.split(' as ');
        return { here, there, target };
      });
  });
}

/** The text of a declaration, wherever it is written; null when it stands in no file of ours. */
function declarationOf(name, file) {
  const statements = statementsOf(file);
  const own = statements.filter((one) => one.name === name);
  if (own.length > 0) return { file, statements, text: own.map(({ text }) => text).join('\n') };
  const elsewhere = [...namesFrom(statements, 'export', file), ...namesFrom(statements, 'import', file)];
  const place = elsewhere.find(({ here }) => here === name);
  return place === undefined ? null : declarationOf(place.there, place.target);
}

/** What others build on is no part of a face. */
const shownOf = (text) =>
  text
    .split('\n')
    .filter((line) => !/^\s+(#private;|private )/.test(line))
    .join('\n')
    .replace(/^export (declare )?/gm, '');

/** What a room's index declares, by name; what a class inherits from one that is not exported stands below it. */
function reportOf(room) {
  const index = join(root, 'dist/src', room, 'index.d.ts');
  const exported = namesFrom(statementsOf(index), 'export', index);
  const known = new Set(exported.map(({ here }) => here));
  const described = (name, file) => {
    const found = declarationOf(name, file);
    if (found === null) throw new Error(`Expected the declaration of ${name}, which ${file} exports`);
    const [, base] = /\b(?:class|interface) \w+(?:<[^{]*?>)? extends (\w+)/.exec(found.text) ?? [];
    const inherited =
      base === undefined || known.has(base) || declarationOf(base, found.file) === null
        ? []
        : described(base, found.file);
    return [shownOf(found.text), ...inherited];
  };
  const parts = exported
    .toSorted((a, b) => (a.here < b.here ? -1 : 1))
    .map(({ there, target }) => described(there, target).join('\n'));
  return `turnstile/${room}: ${exported.length} names\n\n${parts.join('\n\n')}\n`;
}

/** @returns the faces whose report is not what they declare; with `write`, the reports are renewed */
function changedFaces(write) {
  return faces.filter((room) => {
    const path = join(root, 'docs/api', `${room}.txt`);
    const report = reportOf(room);
    let before = '';
    try {
      before = readFileSync(path, 'utf8');
    } catch {
      // There is none yet.
    }
    if (before === report) return false;
    if (write) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, report);
    }
    return true;
  });
}

const write = process.argv.includes('--write');
const changed = changedFaces(write);
if (changed.length > 0 && !write) {
  console.error(
    `The face of ${changed.join(', ')} is another than docs/api/ says. If that is meant: npm run faces -- --write`,
  );
  process.exit(1);
}
