// Derives src/sandbox/api/bot-api.json, what the sandbox knows of Telegram's methods and objects, from a full description of
// the Bot API: node scripts/bot-api.mjs <api.json>
import { readFileSync, writeFileSync } from 'node:fs';

const [source] = process.argv.slice(2);
if (source === undefined) {
  console.error(
    'Expected the path of a JSON description of the Bot API: node scripts/bot-api.mjs <api.json>',
  );
  process.exit(64);
}
const api = JSON.parse(readFileSync(source, 'utf8'));

/** `name?` for a field that may be missing; types joined by `|`; a constant such as `='member'` where one is documented. */
function fieldsOf({ fields = [] }) {
  const entries = fields.map(({ name, types, required, description }) => {
    const constant = /(?:always|must be) [“'"](\w+)[”'"]/.exec(description)?.[1];
    const type = constant === undefined ? types.join('|') : `='${constant}'`;
    return [required ? name : `${name}?`, type];
  });
  return Object.fromEntries(entries);
}

const compact = {
  version: api.version,
  methods: Object.fromEntries(
    Object.entries(api.methods).map(([name, method]) => [
      name,
      { returns: method.returns.join('|'), parameters: fieldsOf(method) },
    ]),
  ),
  types: Object.fromEntries(
    Object.entries(api.types).map(([name, type]) => [name, type.subtypes ?? fieldsOf(type)]),
  ),
};
const target = new URL('../src/sandbox/api/bot-api.json', import.meta.url);
writeFileSync(target, `${JSON.stringify(compact, null, 2)}\n`);
