import { type Api, GrammyError } from 'grammy';
import type { Logger } from 'pino';
import { commands } from './checks.ts';
import type { Content } from './content.ts';

/** Telegram does not know the token. */
export class TokenRefused extends Error {
  override name = 'TokenRefused';
}

/** Checks the token, removes a webhook, and publishes the list of commands. */
export async function prepareTelegram(api: Api, content: Content, log: Logger): Promise<{ id: number }> {
  const me = await signIn(api, log);
  for (const language of content.languages) {
    const menu = commands.map((command) => ({
      command,
      description: content.format(language, `command-${command}`, {}, true),
    }));
    const scope = language === content.defaultLanguage ? {} : { language_code: language as 'en' };
    // A menu without descriptions is no reason not to serve.
    await api
      .setMyCommands(menu, scope)
      .catch((error: unknown) => log.warn({ err: error }, 'the list of commands was not taken'));
  }
  return me;
}

/** Waits until Telegram can be reached. @throws TokenRefused */
async function signIn(api: Api, log: Logger): Promise<{ id: number }> {
  for (let wait = 1_000; ; wait = Math.min(wait * 2, 30_000)) {
    try {
      const me = await api.getMe();
      log.info({ bot: me.username, id: me.id }, 'signed in to Telegram');
      // Without this, getUpdates fails with 409 for ever; what waits is kept.
      await api.deleteWebhook({ drop_pending_updates: false });
      return me;
    } catch (error) {
      if (error instanceof GrammyError && (error.error_code === 401 || error.error_code === 404)) {
        throw new TokenRefused(
          `Telegram refused BOT_TOKEN (${error.error_code} ${error.description}). Copy the token from @BotFather again.`,
        );
      }
      log.warn({ err: error, wait }, 'Telegram cannot be reached; trying again');
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}
