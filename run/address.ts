// Addresses: which paths are on the web or in a store, and how they are shown.

/** Whether a path of the settings is an address. */
export function isRemote(path: string): boolean {
  return /^(s3|https?):\/\//i.test(path);
}

/**
 * A path as it may be shown and kept: a web address without its query, which can hold a signature, and
 * without a user's password. Keys in S3 may have any sign in them.
 */
export function showPath(path: string): string {
  return /^https?:/i.test(path) ? (path.split(/[?#]/, 1)[0] ?? '').replace(/\/\/[^/]*@/, '//') : path;
}
