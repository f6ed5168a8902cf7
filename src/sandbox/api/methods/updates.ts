import type { BotCommand, Telegram } from '../../world/telegram.ts';
import type { Methods } from '../../world/world.ts';
import { badRequest } from '../errors.ts';
import { isObject, type Json } from '../json.ts';
import { jsonOf, text } from '../values.ts';

/** The key of a commands menu: scope and language. */
const menuKey = (scope: Json | undefined, language: string) => {
  const parts = ['type', 'chat_id', 'user_id'].map((name) => text(scope ?? { type: 'default' }, name));
  const name = parts.filter((part) => part !== undefined).join('/');
  return `${name}:${language}`;
};

function keyOf(values: Json): string {
  const scope = jsonOf(values, 'scope', 'BotCommandScope');
  if (scope !== undefined && !isObject(scope))
    throw badRequest("can't parse BotCommandScope: BotCommandScope must be an Object");
  return menuKey(scope, text(values, 'language_code') ?? '');
}

/** Telegram shows the menu of the narrowest scope that has one, the person's language first. */
export function menuFor(telegram: Telegram, language: string, chat?: number): readonly BotCommand[] {
  const scopes: (Json | undefined)[] = [
    ...(chat === undefined ? [] : [{ type: 'chat', chat_id: chat }]),
    { type: 'all_private_chats' },
    undefined,
  ];
  for (const scope of scopes) {
    const menu = telegram.commands.get(menuKey(scope, language)) ?? telegram.commands.get(menuKey(scope, ''));
    if (menu !== undefined) return menu;
  }
  return [];
}

function setCommands(telegram: Telegram, values: Json): true {
  const commands = jsonOf(values, 'commands');
  if (commands === undefined) throw badRequest('parameter "commands" is required');
  if (!Array.isArray(commands)) throw badRequest('expected an Array of BotCommand');
  if (commands.length > 100) throw badRequest('BOT_COMMANDS_TOO_MUCH');
  const menu = commands.map((one: unknown): BotCommand => {
    if (!isObject(one)) throw badRequest("can't parse BotCommand: expected an Object");
    const command = (text(one, 'command') ?? '').replace(/^\//, '');
    const description = (text(one, 'description') ?? '').trim();
    if (!/^[a-z0-9_]{1,32}$/.test(command)) throw badRequest('BOT_COMMAND_INVALID');
    if (description.length < 1 || description.length > 256)
      throw badRequest('BOT_COMMAND_DESCRIPTION_INVALID');
    return { command, description };
  });
  telegram.commands.set(keyOf(values), menu);
  telegram.emit({ type: 'commands_changed' });
  return true;
}

const asksBot = ({ clubs }: Telegram) => [...clubs.values()].some((club) => club.asksBot);

/** Updates (but getUpdates itself, which waits), the webhook, the bot and its commands menu. */
export const updateMethods: Methods = {
  getme: ({ telegram }) => ({
    ...telegram.bot,
    can_join_groups: true,
    can_read_all_group_messages: telegram.readsAll,
    supports_inline_queries: false,
    can_connect_to_business: false,
    has_main_web_app: false,
    ...(asksBot(telegram) && { supports_join_request_queries: true }),
  }),
  setwebhook: ({ telegram }, { values }) => telegram.updates.setWebhook(values),
  deletewebhook: ({ telegram }, { values }) =>
    telegram.updates.setWebhook({ drop_pending_updates: values['drop_pending_updates'] }),
  getwebhookinfo: ({ telegram }) => telegram.updates.webhookInfo(),
  setmycommands: ({ telegram }, { values }) => setCommands(telegram, values),
  getmycommands: ({ telegram }, { values }) => telegram.commands.get(keyOf(values)) ?? [],
  deletemycommands: ({ telegram }, { values }) => {
    telegram.commands.delete(keyOf(values));
    telegram.emit({ type: 'commands_changed' });
    return true;
  },
  answercallbackquery: ({ telegram }, { values }) => {
    if ((text(values, 'text') ?? '').length > 200) throw badRequest('MESSAGE_TOO_LONG');
    telegram.answer(text(values, 'callback_query_id') ?? '', values);
    return true;
  },
  getfile: ({ telegram }, { values }) => {
    const id = text(values, 'file_id') ?? '';
    if (id === '') throw badRequest('file_id not specified');
    const file = telegram.files.find(id);
    if (file === undefined) throw badRequest('invalid file_id');
    if (file.size > 20 * 1024 * 1024) throw badRequest('file is too big');
    return {
      file_id: file.id,
      file_unique_id: file.id.slice(-16),
      file_size: file.size,
      file_path: file.path,
    };
  },
};
