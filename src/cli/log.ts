import { type Logger, pino } from 'pino';

/**
 * JSON lines on stdout, written in batches at most 100 ms late, with every occurrence of the token taken out. While nobody
 * reads them, 16 MB are held; how many lines were dropped beyond that is logged when the reader is back.
 */
export interface Log {
  readonly logger: Logger;
  /** Writes what is still held; before an exit. At most a second, when nobody reads it. */
  flush(): Promise<void>;
}

/** ms */
const longestFlush = 1_000;
/** What is held for a reader that does not come, bytes. Later lines are dropped and counted. */
const mostHeld = 16 * 1_024 * 1_024;

/**
 * @param level pino's names, from `trace` to `silent`
 * @param secrets never appear in a line: a token stands in the addresses of failed requests
 */
export function createLog(level: string, secrets: readonly string[]): Log {
  const destination = pino.destination({
    dest: 1,
    sync: false,
    minLength: 8_192,
    maxLength: mostHeld,
  });
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
  let dropped = 0;
  destination.on('drop', () => dropped++);
  const tellDropped = () => {
    if (dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    logger.error({ lines }, `${lines} log lines were dropped since nobody read them`);
    // There was no room for this line either.
    if (dropped > 0) dropped = lines;
  };
  // The reader is back. What it has read makes room only when those who hear of it have returned.
  destination.on('write', () => queueMicrotask(tellDropped));
  return { logger, flush };
}

/** What an error says; not what it carries: a failed command of Redis carries people's texts. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack } = error;
  const code = (error as NodeJS.ErrnoException).code;
  return { name, message, stack, ...(code !== undefined && { code }) };
}
