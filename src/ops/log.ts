import { type Logger, pino } from 'pino';

/** JSON lines on stdout, written in batches at most 100 ms late, with every occurrence of the token taken out. */
export interface Log {
  readonly logger: Logger;
  /** Writes what is still held; before an exit. At most a second, when nobody reads it. */
  flush(): Promise<void>;
}

/** ms */
const longestFlush = 1_000;

/**
 * @param level pino's names, from `trace` to `silent`
 * @param secrets never appear in a line: a token stands in the addresses of failed requests
 */
export function createLog(level: string, secrets: readonly string[]): Log {
  const destination = pino.destination({ dest: 1, sync: false, minLength: 8_192 });
  // Not `flushSync`: when the reader is gone it tries for ever, and the process never ends.
  const flush = () =>
    new Promise<void>((resolve) => {
      setTimeout(resolve, longestFlush).unref();
      destination.flush(() => resolve());
    });
  setInterval(() => destination.flush(), 100).unref();
  const hidden = secrets.filter((secret) => secret !== '');
  const logger = pino(
    {
      level,
      base: null,
      serializers: { err: describeError },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        streamWrite: (line) => hidden.reduce((text, secret) => text.replaceAll(secret, '<token>'), line),
      },
    },
    destination,
  );
  return { logger, flush };
}

/** What an error says; not what it carries: a failed command of Redis carries people's texts. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack } = error;
  const code = (error as NodeJS.ErrnoException).code;
  return { name, message, stack, ...(code !== undefined && { code }) };
}
