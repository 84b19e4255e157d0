// record_activations.cjs ALL_OUTPUTS.onnx OUT.npz BATCH: what ONNX Runtime computes, for `neurons parity MODEL.onnx --onnxruntime NODE_MODULES`: every value that
// the model gives, and its inputs, which are drawn at random, always the same. Says {"version": …} or {"error": …}.
"use strict";
const fs = require("fs");
const ort = require("onnxruntime-node");

// ONNX Runtime's types: NumPy's, and how an array of them is made.
const kTypes = {
  float32: ["<f4", Float32Array], float64: ["<f8", Float64Array], int64: ["<i8", BigInt64Array], int32: ["<i4", Int32Array],
  uint8: ["|u1", Uint8Array], bool: ["|b1", Uint8Array],
};
// Those that npz files for Neurons do not have: what they are written as, and how an array of them is made.
const kWidened = {
  float16: ["float32", Uint16Array], int8: ["int32", Int8Array], int16: ["int32", Int16Array], uint16: ["int32", Uint16Array], uint32: ["int64", Uint32Array],
  uint64: ["int64", BigUint64Array],
};

// Numbers in [0, 1), always the same (xorshift, Marsaglia 2003).
let state = 2463534242;
function uniform() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 4294967296;
}

// The bits of the half nearest to a number of (-4, 4), ties to even: steps of 2^-24 below 2^-14.
function half(number) {
  const exponent = Math.max(-14, Math.floor(Math.log2(Math.abs(number) || 2 ** -14)));
  const steps = Math.abs(number) / 2 ** (exponent - 10);
  const down = Math.floor(steps);
  const rounded = down + (steps - down > 0.5 || (steps - down === 0.5 && down % 2 === 1) ? 1 : 0);
  return (number < 0 ? 0x8000 : 0) + ((exponent + 14) << 10) + rounded; // the leading bit of normal numbers adds 1 to the exponent
}

function ofHalf(bits) {
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  const size = exponent === 31 ? (mantissa === 0 ? Infinity : NaN) : exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}

function drawn(name, type, shape) {
  if (!(type in kTypes) && !(type in kWidened)) {
    throw new Error(`input "${name}" is of ${type}, which is not drawn here: record what another runtime computes and give --recorded FILE.npz`);
  }
  const count = shape.reduce((product, extent) => product * extent, 1);
  const float = type.startsWith("float");
  const array = new (kTypes[type] ?? kWidened[type])[1](count);
  for (let i = 0; i < count; ++i) {
    const number = float ? 4 * uniform() - 2 : Math.floor(2 * uniform());
    array[i] = type.endsWith("int64") ? BigInt(number) : type === "float16" ? half(number) : number;
  }
  return new ort.Tensor(type, array, shape);
}

// In a type that Neurons reads: float16 as float32, whole numbers in the next wider one.
function widened(tensor) {
  if (!(tensor.type in kWidened)) return tensor;
  const [type, from] = kWidened[tensor.type];
  const data = new from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.length); // float16 as bits, whatever Node.js calls it
  const Wide = kTypes[type][1];
  const wide = tensor.type === "float16" ? Wide.from(data, ofHalf) : type === "int64" ? Wide.from(data, BigInt) : Wide.from(data);
  return new ort.Tensor(type, wide, tensor.dims);
}

function npy(tensor) {
  const shape = tensor.dims.length === 1 ? `${tensor.dims[0]},` : tensor.dims.join(", ");
  let header = `{'descr': '${kTypes[tensor.type][0]}', 'fortran_order': False, 'shape': (${shape}), }`;
  header += " ".repeat((64 - ((header.length + 11) % 64)) % 64) + "\n";
  const start = Buffer.from("\x93NUMPY\x01\x00\x00\x00", "latin1");
  start.writeUInt16LE(header.length, 8);
  const data = tensor.data;
  return Buffer.concat([start, Buffer.from(header, "latin1"), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; ++bit) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return (crc ^ 0xffffffff) >>> 0;
}

// A zip archive of stored files.
function zip(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [name, bytes] of files) {
    const title = Buffer.from(name, "utf8");
    const fields = Buffer.alloc(26); // from the version needed to the length of the extra field
    fields.writeUInt16LE(20, 0);
    fields.writeUInt32LE(0x210000, 6); // 1 January 1980
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(bytes.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(title.length, 22);
    parts.push(Buffer.from("PK\x03\x04"), fields, title, bytes);
    const more = Buffer.alloc(14);
    more.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x00"), fields, more, title);
    offset += 30 + title.length + bytes.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, listing, end]);
}

async function main() {
  const [model, out, batch] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: "disabled" });
  const inputs = {};
  for (const value of session.inputMetadata) {
    inputs[value.name] = drawn(value.name, value.type, value.shape.map((extent) => (typeof extent === "number" && extent >= 0 ? extent : Number(batch))));
  }
  const results = await session.run(inputs);
  const kept = Object.entries({ ...inputs, ...results }).map(([name, tensor]) => [name, widened(tensor)]).filter(([, tensor]) => tensor.type in kTypes);
  fs.writeFileSync(out, zip(kept.map(([name, tensor]) => [`${name}.npy`, npy(tensor)])));
  console.log(JSON.stringify({ version: ort.env.versions.node ?? ort.env.versions.common }));
}

main().catch((error) => console.log(JSON.stringify({ error: error.message })));
