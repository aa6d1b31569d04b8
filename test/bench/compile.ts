import { spawnSync } from 'node:child_process'
import { basename, join } from 'node:path'
import { root } from './paths.ts'

/** Compiles a C++ program of the repository into a folder; returns the path of the result. */
export function compile(source: string, folder: string): string {
  const program = join(folder, basename(source, '.cc'))
  const { error, status, stderr } = spawnSync('g++', ['-O2', '-o', program, join(root, source)], { encoding: 'utf8' })
  if (error) throw new Error('g++ is missing: the bench compiles its load generator with it (Debian: apt install g++)')
  if (status !== 0) throw new Error(`g++ could not compile ${source}:\n${stderr}`)
  return program
}
