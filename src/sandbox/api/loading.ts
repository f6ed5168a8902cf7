import { basename } from 'node:path';
import { isObject, type Json } from './json.ts';
import { mediaKinds } from './methods/media.ts';
import type { UploadedFile } from './parameters.ts';
import { jsonOf } from './values.ts';

/** Telegram loads at most this many bytes from an address. */
const largest = 20 * 1_024 * 1_024;
/** ms. */
const patience = 10_000;

/** The addresses of the sandbox's own port that a call names as media. */
export const ownAddresses = (values: Json, port: number): string[] =>
  addressesOf(values).filter((address) => isOwn(address, port));

/**
 * Loads media from addresses of the sandbox itself. Nothing else is loaded: no test should depend on the network.
 * What fails is left out.
 */
export async function loadAll(addresses: readonly string[]): Promise<ReadonlyMap<string, UploadedFile>> {
  const downloads = new Map<string, UploadedFile>();
  for (const address of new Set(addresses)) {
    const file = await load(address).catch(() => null);
    if (file !== null) downloads.set(address, file);
  }
  return downloads;
}

function addressesOf(values: Json): string[] {
  const media = values['media'];
  const named = mediaKinds.map((kind) => values[kind]);
  return [...named, ...(media === undefined ? [] : itemsOf(values))].filter(
    (value) => typeof value === 'string' && /^http:/i.test(value),
  ) as string[];
}

function itemsOf(values: Json): unknown[] {
  try {
    const media = jsonOf(values, 'media');
    return (Array.isArray(media) ? media : [media]).map((item) =>
      isObject(item) ? item['media'] : undefined,
    );
  } catch {
    return [];
  }
}

/** A call of the Bot API is no picture: one that names itself would never end. */
function isOwn(address: string, port: number): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, port: named, pathname } = new URL(address);
  const isHere =
    protocol === 'http:' && /^(?:127\.0\.0\.1|localhost)$/.test(hostname) && named === String(port);
  return isHere && !decode(pathname).startsWith('/bot');
}

async function load(address: string): Promise<UploadedFile | null> {
  const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(patience) });
  if (!response.ok || Number(response.headers.get('content-length') ?? 0) > largest) return null;
  const bytes = Buffer.from(await response.arrayBuffer());
  if (bytes.length === 0 || bytes.length > largest) return null;
  return { name: basename(decode(new URL(address).pathname)) || 'file', bytes };
}

/** A path without percent signs; one that is encoded wrongly stays as it is. */
export function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
