import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { problemsAfter, quiz } from '../support/quiz.ts';

describe('a mistake in a locale is named with its line', () => {
  const at = async (text: string): Promise<number> =>
    (await readFile(join(await quiz(), 'locales/en.ftl'), 'utf8'))
      .split('\n')
      .findIndex((line) => line.startsWith(text)) + 1;

  it.each<[string, string | RegExp, string, string, string]>([
    [
      'a brace that is never closed',
      'button-play = Play',
      'button-play = Play { $score',
      'button-play',
      'expected a text in Fluent syntax (braces closed, further lines indented), found "button-play = Play { $score"',
    ],
    [
      'an unknown variable',
      'button-play = Play',
      'button-play = Play { $scor }',
      'button-play',
      'expected a variable of $name, $score (did you mean "score"?), found { $scor }',
    ],
    [
      'an unknown text within a text',
      'button-play = Play',
      'button-play = { button-go }',
      'button-play',
      'expected a text or term that exists, found { button-go }',
    ],
    [
      'a text within itself',
      'button-play = Play',
      'button-play = { button-play }',
      'button-play',
      'expected a text or term that exists, found { button-play }',
    ],
    [
      'HTML in a label',
      'button-play = Play',
      'button-play = <b>Play</b>',
      'button-play',
      'expected no HTML in a label, found <b',
    ],
    [
      'a label too long',
      'button-play = Play',
      `button-play = ${'P'.repeat(65)}`,
      'button-play',
      'expected at most 64 characters for a label, with variables at their longest, found 65',
    ],
    [
      'an empty text',
      'button-play = Play',
      'button-play = {""}',
      'button-play',
      'expected at least one character for a label, found an empty text',
    ],
    [
      'a tag that is never closed',
      /intro-easy = .*/,
      'intro-easy = <b>Welcome',
      'intro-easy',
      'expected HTML that Telegram takes, found <b> that is never closed',
    ],
    [
      'tags that cross',
      /intro-easy = .*/,
      'intro-easy = <b><i>Welcome</b></i>',
      'intro-easy',
      'expected HTML that Telegram takes, found </b> where </i> should come first',
    ],
    [
      'a tag that Telegram does not know',
      /intro-easy = .*/,
      'intro-easy = One<br>two',
      'intro-easy',
      'expected HTML that Telegram takes, found the unknown tag <br>',
    ],
    [
      'a bare sign',
      /intro-easy = .*/,
      'intro-easy = 1 < 2',
      'intro-easy',
      'expected HTML that Telegram takes, found a bare "<" in "< 2" (write &lt;)',
    ],
    [
      'an entity that Telegram does not know',
      /intro-easy = .*/,
      'intro-easy = One&nbsp;two',
      'intro-easy',
      'expected HTML that Telegram takes, found &nbsp;, which Telegram shows as it stands (write the character itself)',
    ],
    [
      'an entity where there is no markup',
      'button-play = Play',
      'button-play = Play &amp; enter',
      'button-play',
      'expected no HTML in a label, found &amp;',
    ],
    [
      'a fault in one variant only',
      /intro-easy = .*/,
      'intro-easy = { $score ->\n    [0] fine\n   *[other] <b>bad\n}',
      'intro-easy',
      'expected HTML that Telegram takes, found <b> that is never closed',
    ],
    [
      'a text too long',
      /intro-easy = .*/,
      `intro-easy = ${'T'.repeat(4_097)}`,
      'intro-easy',
      'expected at most 4096 characters for a message, with variables at their longest, found 4097',
    ],
    [
      'a text too long once a name stands in it',
      /intro-easy = .*/,
      `intro-easy = ${'T'.repeat(4_090)} { $name }`,
      'intro-easy',
      'expected at most 4096 characters for a message, with variables at their longest, found 4219',
    ],
  ])('%s', async (_, from, to, key, text) => {
    expect(await problemsAfter(['locales/en.ftl', from, to])).toContain(
      `locales/en.ftl:${await at(key)} ${key}: ${text}`,
    );
  });

  it('a caption too long, although a message might have that length', async () => {
    const line = await at('clip');
    expect(
      await problemsAfter(['locales/en.ftl', 'clip =', `clip =\n    ${'T'.repeat(1_024)}\n   `]),
    ).toEqual([
      expect.stringMatching(
        new RegExp(`^locales/en\\.ftl:${line} clip: expected at most 1024 characters for a caption`),
      ),
    ]);
  });

  it('a line that belongs to no text', async () => {
    expect(await problemsAfter(['locales/en.ftl', '    1. Read', '1. Read'])).toEqual([
      `locales/en.ftl:${await at('    1. Read')}: expected "key = text", a comment, or a further line of a text, indented by spaces, found "1. Read the question."`,
    ]);
  });

  it('a line at which Fluent would end a text in silence', async () => {
    const line = await at('    1. Read');
    expect(await problemsAfter(['locales/en.ftl', '    1. Read', '    [1] Read'])).toContain(
      `locales/en.ftl:${line} welcome: expected no line that starts with [ or * or . or } (write {"["} and so on), found "[1] Read the question."`,
    );
  });

  it('a key given twice', async () => {
    const line = await at('button-play');
    expect(
      await problemsAfter(['locales/en.ftl', 'button-play = Play', 'button-play = Play\nbutton-play = Go']),
    ).toEqual([
      `locales/en.ftl:${line + 1} button-play: expected one text per key (the first is in line ${line}), found a second one`,
    ]);
  });
});
