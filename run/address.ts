// Remote addresses: which paths are on the web or in S3, and how they are displayed.

/** Whether a path in the settings is a remote address. */
export function isRemote(path: string): boolean {
  return /^(s3|https?):\/\//i.test(path);
}

/** Whether a model is at the address of a server, not on this machine or on the hub. */
export function isAddress(model: string): boolean {
  return /^https?:\/\//i.test(model);
}

/**
 * A path that is safe to display and store: a web address without its query, which may contain a signature,
 * and without credentials. S3 keys are kept as they are because they may contain any character.
 */
export function showPath(path: string): string {
  return /^https?:/i.test(path) ? (path.split(/[?#]/, 1)[0] ?? '').replace(/\/\/[^/]*@/, '//') : path;
}
