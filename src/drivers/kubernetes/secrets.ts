/** Takes secrets out of messages, also where they are quoted in another encoding. */

/** What is put in the place of a secret. */
const HIDDEN = "***";

/** Shorter texts are looked for as they are only: what their encodings look like may well stand in any message. */
const SHORTEST_ENCODED = 6;

type Base64 = "base64" | "base64url";

/**
 * What base64 makes of the secret within a longer text, such as `name:secret`: which letters it becomes depends on how many
 * bytes go before it, and those at its ends depend on its neighbours too and are left out.
 */
const withinBase64 = (bytes: Buffer, encoding: Base64): readonly string[] =>
  [0, 1, 2].map((before) => {
    const shifted = Buffer.concat([Buffer.alloc(before), bytes]);
    const [start, end] = [Math.ceil((before * 8) / 6), Math.floor((shifted.length * 8) / 6)];
    return shifted.toString(encoding).slice(start, end);
  });

/** All the ways in which a secret may be written, the longest first. */
const spellingsOf = (secret: string): readonly string[] => {
  if (secret.length < SHORTEST_ENCODED) return [secret];
  const bytes = Buffer.from(secret);
  // By way of bytes, since half of a surrogate pair cannot be encoded.
  const inUrl = encodeURIComponent(bytes.toString("utf8"));
  const spellings = [
    secret,
    inUrl,
    inUrl.replaceAll(/%[0-9A-F]{2}/g, (escaped) => escaped.toLowerCase()),
    inUrl.replaceAll("%20", "+"),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString("base64"),
    bytes.toString("base64").replace(/=+$/, ""),
    bytes.toString("base64url"),
    ...withinBase64(bytes, "base64"),
    ...withinBase64(bytes, "base64url"),
  ];
  return [...new Set(spellings)].sort((left, right) => right.length - left.length);
};

/** The message without any of the secrets: as they are, in a URL, in base64, in quotes. */
export const hideSecrets = (message: string, secrets: readonly string[]): string => {
  let clean = message;
  for (const spelling of secrets.flatMap(spellingsOf))
    if (spelling !== "") clean = clean.replaceAll(spelling, HIDDEN);
  return clean;
};
