// A picture or video of a run, or why there is none.
import { h } from '../lib/dom.mjs'
import { address } from '../lib/host.mjs'

/** @param {string} run @param {any} item @param {(name: string) => string} t */
export function picture(run, item, t) {
  if (!item.file) return h('span', { class: item.error ? 'bad' : 'soft' }, item.error ? `${item.error.slug}: ${item.error.message}` : t('no_picture_yet'))
  const path = item.file.split('/').map(encodeURIComponent).join('/')
  const src = `${address(`runs/${encodeURIComponent(run)}/files/${path}`)}?${item.sha256.slice(0, 12)}`
  const name = [item.title || item.id, item.variant].filter(Boolean).join(', ')
  if (/\.(mp4|webm)$/i.test(item.file)) return h('video', { src, controls: true, muted: true, loop: true, 'aria-label': name })
  return h('img', { src, alt: name, loading: 'lazy', decoding: 'async' })
}
