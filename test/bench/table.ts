/** A Markdown table, its columns padded so that it reads in a terminal too; all but the first are aligned right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows]
  const widths = head.map((_, column) => Math.max(3, ...lines.map((line) => line[column]?.length ?? 0)))
  const cell = (text: string, column: number) =>
    column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!)
  const row = (line: readonly string[]) =>
    `| ${head.map((_, column) => cell(line[column] ?? '', column)).join(' | ')} |`
  const rule = widths.map((width, column) => (column === 0 ? `:${'-'.repeat(width - 1)}` : `${'-'.repeat(width - 1)}:`))
  return [row(head), row(rule), ...rows.map(row)].join('\n')
}
