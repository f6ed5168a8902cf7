import { type Api, GrammyError } from 'grammy';
import type { Logger } from 'pino';
import type { Content } from '#content';
import { Misconfigured } from '#runtime';
import { isTokenRefusal } from './verdict.ts';

/** Telegram does not know the token. */
export class TokenRefused extends Misconfigured {}

/** Checks the token, removes a webhook, and publishes the list of commands. */
export async function prepareTelegram(api: Api, content: Content, log: Logger): Promise<{ id: number }> {
  const me = await signIn(api, log);
  await publishCommands(api, content, log);
  return me;
}

/** Tells Telegram the menu of commands, in each language. Without any, a menu that was made elsewhere stays. */
export async function publishCommands(api: Api, content: Content, log: Logger): Promise<void> {
  if (content.commands.length === 0) return;
  const publish = async (language: string) => {
    const menu = content.commands.map((command) => ({
      command,
      description: content.format(language, `command-${command}`, {}, true),
    }));
    const scope = language === content.defaultLanguage ? {} : { language_code: language as 'en' };
    // A menu without descriptions is no reason not to serve.
    await api
      .setMyCommands(menu, scope)
      .catch((error: unknown) => log.warn({ err: error }, 'the list of commands was not taken'));
  };
  await Promise.all(content.languages.map(publish));
}

/** Waits until Telegram can be reached. @throws TokenRefused */
async function signIn(api: Api, log: Logger): Promise<{ id: number }> {
  for (let wait = 1_000; ; wait = Math.min(wait * 2, 3_000)) {
    let isKnown = false;
    try {
      const me = await api.getMe();
      isKnown = true;
      // Without this, getUpdates fails with 409 for ever; what waits is kept.
      await api.deleteWebhook({ drop_pending_updates: false });
      log.info({ bot: me.username, id: me.id }, 'signed in to Telegram');
      return me;
    } catch (error) {
      if (isTokenRefusal(error) && !isKnown) {
        throw new TokenRefused(
          `Telegram refused BOT_TOKEN (${(error as GrammyError).error_code} ${(error as GrammyError).description}). Copy the token from @BotFather again.`,
        );
      }
      const asked = error instanceof GrammyError ? error.parameters.retry_after : undefined;
      const ms = asked === undefined ? wait : asked * 1_000;
      log.warn({ err: error, wait: ms }, 'Telegram cannot be reached; trying again');
      await new Promise((resolve) => setTimeout(resolve, ms));
    }
  }
}
