import { fixedSetting, fixSetting, type OpenStore, SettingDiffers } from '#runtime';

/**
 * Fixes the bot at the first start: another bot's chats and update ids must not mix with these.
 * @throws SettingDiffers
 */
export async function fixBot(redis: OpenStore['redis'], prefix: string, id: number): Promise<void> {
  refuseOther(prefix, await fixSetting(redis, prefix, 'bot', id), id);
}

/**
 * Checks that the store is this bot's, or nobody's yet: the payments of one bot must not get into the books of another.
 * @throws SettingDiffers
 */
export async function checkBot(redis: OpenStore['redis'], prefix: string, id: number): Promise<void> {
  const stored = await fixedSetting(redis, prefix, 'bot');
  if (stored !== null) refuseOther(prefix, stored, id);
}

function refuseOther(prefix: string, stored: number, id: number): void {
  if (stored === id) return;
  throw new SettingDiffers(
    `Expected BOT_TOKEN of the bot ${stored}, whose conversations this Redis keeps under the prefix "${prefix}", found one of the bot ${id}. ` +
      'Put the token of that bot back, or give this one a DATA_DIR of its own; what it has sold before is taken over there by: turnstile payments adopt',
  );
}
