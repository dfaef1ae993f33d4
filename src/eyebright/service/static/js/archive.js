// The files of a ZIP archive whose entries are stored as they are, as the API makes them.

const ENTRY = 0x04034b50;

/** Return [{name, blob}, ...]; an archive of another kind gives none. */
export function stored(buffer, type) {
  const view = new DataView(buffer);
  const files = [];
  let at = 0;
  while (at + 30 <= buffer.byteLength && view.getUint32(at, true) === ENTRY) {
    const [method, size] = [view.getUint16(at + 8, true), view.getUint32(at + 18, true)];
    const [nameLength, extraLength] = [view.getUint16(at + 26, true), view.getUint16(at + 28, true)];
    if (method !== 0) return [];
    const name = new TextDecoder().decode(new Uint8Array(buffer, at + 30, nameLength));
    const from = at + 30 + nameLength + extraLength;
    files.push({ name, blob: new Blob([new Uint8Array(buffer, from, size)], { type }) });
    at = from + size;
  }
  return files;
}
