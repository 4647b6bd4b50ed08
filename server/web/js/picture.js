// A picture of the user's own on its way to the server.

import { api } from "./api.js";

const LARGEST_SIDE = 1024; // the model sees far less; a photo of a phone need not travel whole
const LARGEST_BYTES = 8 * 1024 * 1024;

/** Upload a File; what the browser can't read goes as it is, so that the server says what is wrong with it. */
export async function upload(file) {
  return api.upload(await shrink(file));
}

async function shrink(file) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  const side = bitmap ? Math.max(bitmap.width, bitmap.height) : 0;
  if (!bitmap || (side <= LARGEST_SIDE && file.size <= LARGEST_BYTES)) return file.slice(0, LARGEST_BYTES, file.type);
  const scale = Math.min(1, LARGEST_SIDE / side);
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob ?? file), "image/png"));
}
