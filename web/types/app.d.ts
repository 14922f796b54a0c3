// The published types of the frontend, where a module of ours imports `/scripts/app.js` from the host.
import type { ComfyApp } from '@comfyorg/comfyui-frontend-types'

export const app: ComfyApp
