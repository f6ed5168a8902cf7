/** The tags that Telegram's HTML mode takes, with the attributes each may carry. */
const tags: Readonly<Record<string, RegExp>> = {
  b: /^$/,
  strong: /^$/,
  i: /^$/,
  em: /^$/,
  u: /^$/,
  ins: /^$/,
  s: /^$/,
  strike: /^$/,
  del: /^$/,
  'tg-spoiler': /^$/,
  span: /^ class="tg-spoiler"$/,
  a: /^ href="[^"]+"$/,
  'tg-emoji': /^ emoji-id="\d+"$/,
  code: /^( class="language-[\w+#-]+")?$/,
  pre: /^$/,
  blockquote: /^( expandable)?$/,
};

const tag = /<(\/?)([a-z][a-z0-9-]*)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*>/gi;

/** Makes any text harmless inside HTML, in attributes too. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) =>
    sign === '&' ? '&amp;' : sign === '<' ? '&lt;' : sign === '>' ? '&gt;' : '&quot;',
  );

/** What Telegram would refuse in an HTML text, or undefined. */
export function htmlProblem(text: string): string | undefined {
  const open: string[] = [];
  for (const match of text.matchAll(tag)) {
    const [whole, slash, rawName = '', rawAttributes = ''] = match;
    const name = rawName.toLowerCase();
    const attributes = tags[name];
    if (attributes === undefined) return `the unknown tag ${whole}`;
    if (slash === '/') {
      const last = open.pop();
      if (last === undefined) return `${whole} without an opening tag`;
      if (last !== name) return `${whole} where </${last}> should come first`;
    } else {
      if (!attributes.test(rawAttributes.replace(/\s+/g, ' '))) return `wrong attributes in ${whole}`;
      open.push(name);
    }
  }
  if (open.length > 0) return `<${open.at(-1)}> that is never closed`;
  // Telegram knows four names, and shows any other as it stands.
  const entity = /&(?!(?:lt|gt|amp|quot);)[a-z][a-z\d]*;/i.exec(text)?.[0];
  if (entity !== undefined)
    return `${entity}, which Telegram shows as it stands (write the character itself)`;
  const bare = /<.{0,10}/.exec(text.replace(tag, ''))?.[0];
  return bare === undefined ? undefined : `a bare "<" in "${bare}" (write &lt;)`;
}

/** The text that a person sees: without tags, with entities resolved. */
export function visibleText(html: string): string {
  return html
    .replace(tag, '')
    .replace(/&#x([0-9a-f]{1,6});|&#(\d{1,7});/gi, ' ')
    .replace(
      /&(lt|gt|quot|amp);/g,
      (_, name: string) => ({ lt: '<', gt: '>', quot: '"', amp: '&' })[name] ?? '',
    );
}
