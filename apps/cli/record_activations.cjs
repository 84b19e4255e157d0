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

// Numbers in [0, 1), always the same (xorshift, Marsaglia 2003).
let state = 2463534242;
function uniform() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 4294967296;
}

function drawn(type, shape) {
  if (!(type in kTypes)) throw new Error(`an input is of ${type}, which is not drawn here`);
  const count = shape.reduce((product, extent) => product * extent, 1);
  const float = type.startsWith("float");
  const array = new kTypes[type][1](count);
  for (let i = 0; i < count; ++i) {
    const number = float ? 4 * uniform() - 2 : Math.floor(2 * uniform());
    array[i] = type === "int64" ? BigInt(number) : number;
  }
  return new ort.Tensor(type, array, shape);
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
    inputs[value.name] = drawn(value.type, value.shape.map((extent) => (typeof extent === "number" && extent >= 0 ? extent : Number(batch))));
  }
  const results = await session.run(inputs);
  const kept = Object.entries({ ...inputs, ...results }).filter(([, tensor]) => tensor.type in kTypes);
  fs.writeFileSync(out, zip(kept.map(([name, tensor]) => [`${name}.npy`, npy(tensor)])));
  console.log(JSON.stringify({ version: ort.env.versions.node ?? ort.env.versions.common }));
}

main().catch((error) => console.log(JSON.stringify({ error: error.message })));
