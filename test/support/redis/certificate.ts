import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** Paths of a certificate for 127.0.0.1 and localhost that vouches for itself, and of its key. */
export interface Certificate {
  readonly certificate: string
  readonly key: string
}

/** Makes one in `folder`. */
export function makeCertificate(folder: string): Certificate {
  const certificate = join(folder, 'certificate.pem')
  const key = join(folder, 'key.pem')
  const request = ['req', '-x509', '-nodes', '-days', '2', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', certificate], { stdio: 'pipe' })
  return { certificate, key }
}
