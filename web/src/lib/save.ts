// Saves bytes of the page as a file of the reader's.

/** Never opened: whatever it is, it becomes a file. */
export function save(name: string, content: Blob | string): void {
  const address = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // a slow disk may still read it
}
