import * as v from 'valibot';
import { type Button, type Key, listOf } from './message.ts';
import type { Needs } from './needs.ts';
import { fields, matching } from './shape.ts';

/** The needs that messages.yaml is checked against. */
export type MessageNeeds = Pick<Needs, 'messages' | 'events' | 'links' | 'conditions'> & {
  /** The kinds of rows that a product makes of its settings. */
  readonly rows?: object;
};

export type MessageEntries = v.InferOutput<ReturnType<typeof messagesShape>>;
export type MessageEntry = MessageEntries[string];
export type PollEntry = NonNullable<NonNullable<MessageEntry>['poll']>;

/** The name of a message, as a product's own settings may give it as well. */
export const messageName = matching(/^[a-z][a-z0-9_]*$/, 'the name of a message: a–z, 0–9 and "_"');

const textKey = matching(/^[a-zA-Z][\w-]*$/, 'the key of a text in locales/');
const mediaFile = matching(/^[^/\\]+\.[a-z0-9]+$/i, 'the name of a file in media/');
const flag = v.optional(v.boolean('true or false'));

/** Some mappings are told apart by a key that only they have. */
const has = (input: unknown, key: string): boolean =>
  typeof input === 'object' && input !== null && key in input;

const rowOf = <S extends v.GenericSchema>(button: S) =>
  v.pipe(v.array(button), v.minLength(1, 'at least one button'), v.maxLength(8, 'at most 8 buttons'));

/** A button as it is written, read as a `Button`: `event` and `value` become its callback data. */
function buttonShape({ events = [], links = [], conditions = [] }: MessageNeeds) {
  const when = v.optional(
    v.picklist(conditions, [conditions.join(' or '), 'nothing'].filter(Boolean).join(', or ')),
  );
  const lookOf = ({ label, when }: { label: string; when?: string | undefined }) => ({
    label,
    ...(when !== undefined && { when }),
  });
  const link = v.pipe(
    fields(
      { label: textKey, link: v.picklist(links, links.join(' or ')), when },
      `label and link: ${links.join(' or ')}`,
    ),
    v.transform((written): Button => ({ ...lookOf(written), link: written.link })),
  );
  const page = 'the address of a page, such as https://example.com';
  const url = v.pipe(
    fields({ label: textKey, url: matching(/^(https?|tg):\/\/\S+$/, page), when }, 'label and url'),
    v.transform((written): Button => ({ ...lookOf(written), url: written.url })),
  );
  const example = `an event such as ${events[0] ?? 'answer.given'}`;
  const event = v.pipe(
    fields(
      {
        label: textKey,
        event: matching(/^[a-z]+(\.[a-z_]+)+$/, example),
        value: v.optional(matching(/^.+$/, 'a text')),
        when,
      },
      'label and event',
    ),
    v.transform((written): Button => {
      const { event, value } = written;
      return { ...lookOf(written), data: value === undefined ? event : `${event}:${value}` };
    }),
  );
  return v.lazy((input) => {
    if (links.length > 0 && has(input, 'link')) return link;
    return has(input, 'url') && !has(input, 'event') ? url : event;
  });
}

function rowShape(needs: MessageNeeds) {
  const button = buttonShape(needs);
  const row = rowOf(button);
  const kinds = new Map(
    Object.keys(needs.rows ?? {}).map((kind) => [
      kind,
      v.pipe(
        fields({ [kind]: v.literal(true, 'true') }, `${kind}: true`),
        v.transform(() => ({ kind })),
      ),
    ]),
  );
  return v.lazy((input) => {
    if (Array.isArray(input)) return row;
    return [...kinds].find(([kind]) => has(input, kind))?.[1] ?? button;
  });
}

const plainKey = v.pipe(
  textKey,
  v.transform((label): Key => ({ label })),
);
const askingKey = v.pipe(
  fields(
    { label: textKey, request_contact: flag, request_location: flag },
    'label, and request_contact: true or request_location: true',
  ),
  v.transform(({ label, request_contact, request_location }): Key => {
    if (request_contact === true) return { label, asksFor: 'contact' };
    return request_location === true ? { label, asksFor: 'location' } : { label };
  }),
);
/** The key of a text alone, or a mapping that says what the key asks for. */
const key = v.lazy((input) => (has(input, 'label') ? askingKey : plainKey));
const keyRow = rowOf(key);
const keyRows = v.pipe(
  v.array(
    v.lazy((input) => (Array.isArray(input) ? keyRow : key)),
    'a list of rows, each a text of locales/ or a list of them; or remove',
  ),
  v.minLength(1, 'at least one row, or remove'),
  v.transform((rows) => rows.map(listOf)),
);
const noKeys = v.literal('remove');

const poll = fields(
  {
    options: v.pipe(
      v.array(textKey, 'a list of keys of texts in locales/'),
      v.minLength(1, 'from 1 to 12 options'),
      v.maxLength(12, 'from 1 to 12 options'),
    ),
    correct: v.optional(v.lazy((input) => (Array.isArray(input) ? v.array(textKey) : textKey))),
    explanation: v.optional(textKey),
    anonymous: flag,
    multiple: flag,
  },
  'options, and for a quiz: correct',
);

/** What messages.yaml may hold. */
export const messagesShape = (needs: MessageNeeds) =>
  v.record(
    messageName,
    v.nullable(
      fields(
        {
          text: v.optional(textKey),
          plain: flag,
          protect_content: flag,
          video: v.optional(mediaFile),
          photo: v.optional(mediaFile),
          document: v.optional(mediaFile),
          album: v.optional(
            v.pipe(
              v.array(mediaFile, 'a list of files'),
              v.minLength(2, 'from 2 to 10 files'),
              v.maxLength(10, 'from 2 to 10 files'),
            ),
          ),
          buttons: v.optional(v.array(rowShape(needs), 'a list of rows')),
          keyboard: v.optional(v.lazy((input) => (input === 'remove' ? noKeys : keyRows))),
          poll: v.optional(poll),
        },
        'the settings of a message, or nothing',
      ),
    ),
    'names of messages, each with its settings',
  );
