/**
 * Node's serializer, with typed arrays of its own: Node's `deserialize` gives back views of the buffer that it reads, which is a
 * socket's, and V8 itself writes the whole memory behind a view. Here a view is written as its bytes, and read into memory that
 * is its own. A Buffer stays a Buffer.
 */

import { DefaultSerializer, Deserializer } from "node:v8";

type View = new (buffer: ArrayBuffer) => ArrayBufferView;

/** In an order that is part of the protocol. Buffer is a Uint8Array as well. */
const VIEWS: readonly View[] = [
  Buffer,
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float16Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
];
const BUFFER = 0;

/** Node's default one gives views to `_writeHostObject`. */
class ValueSerializer extends DefaultSerializer {
  _writeHostObject(value: object): void {
    const index = VIEWS.findIndex((type) => value instanceof type);
    if (!ArrayBuffer.isView(value) || index === -1) {
      throw new DOMException(`${Object.prototype.toString.call(value)} could not be cloned.`, "DataCloneError");
    }
    this.writeUint32(index);
    this.writeUint32(value.byteLength);
    this.writeRawBytes(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  }
}

class ValueDeserializer extends Deserializer {
  _readHostObject(): unknown {
    const index = this.readUint32();
    const { buffer } = new Uint8Array(this.readRawBytes(this.readUint32()));
    return index === BUFFER ? Buffer.from(buffer) : new VIEWS[index]!(buffer);
  }
}

/** @throws DataCloneError */
export function serializeValue(value: unknown): Buffer {
  const serializer = new ValueSerializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}

export function deserializeValue(bytes: Buffer): unknown {
  const deserializer = new ValueDeserializer(bytes);
  deserializer.readHeader();
  return deserializer.readValue() as unknown;
}
