import { expect, test } from 'vitest';
import { type Packable, pack } from '../../src/runtime/redis/pack.ts';
import { openTestRedis } from '../support/redis.ts';

const lengths = [0, 1, 23, 24, 31, 32, 255, 256, 65_535, 65_536, 200_000];
const values: readonly [string, Packable][] = [
  ['texts of every length', lengths.map((length) => 'x'.repeat(length))],
  ['texts beyond ASCII, short and long', ['é', 'naïve', '界', '👋 hi', 'ж'.repeat(40), '…'.repeat(70_000)]],
  ['numbers', [0, 1, 127, 128, -1, 1.5, 1_700_000_000_000, -5_000_000_000, 0.001]],
  ['what is true and what is not', [true, false]],
  ['long lists', Array.from({ length: 70_000 }, (_, index) => index % 100)],
  ['maps in lists in maps', { steps: [{ id: '1-0', timers: ['a', 5, 'b', false] }, { id: '2-0' }] }],
];

test.each(values)('a script unpacks what was packed: %s', async (_, value) => {
  const { redis } = await openTestRedis();
  const unpacked = await redis.eval('return cjson.encode(cmsgpack.unpack(ARGV[1]))', 0, pack(value));
  expect(JSON.parse(String(unpacked))).toEqual(value);
});

test('a script gets numbers to the last bit, and finds nil where a field has no value', async () => {
  const { redis } = await openTestRedis();
  const script =
    'local given = cmsgpack.unpack(ARGV[1]); return { string.format("%.17g", given.at), type(given.none) }';
  const packed = pack({ at: 1_700_000_000_000.25, none: undefined });
  expect(await redis.eval(script, 0, packed)).toEqual(['1700000000000.25', 'nil']);
});

test('what was packed is not touched by what is packed after it', () => {
  const first = pack({ text: 'first' });
  const copy = Buffer.from(first);
  pack({ text: 'other' });
  expect(first.equals(copy)).toBe(true);
});
