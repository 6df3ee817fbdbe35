/**
 * The container that holds a task's network. Under `awsvpc` all containers of a task share one network, and whoever
 * brought it takes it along when it ends, so ECS has a container that does nothing (amazon-ecs-pause). This one's
 * image is made here, because there may be no registry and no base image: a program of a few machine instructions.
 * Under `pidMode: task` orphans of all containers become its children. It ignores their ends (SIGCHLD), so that the
 * kernel leaves none of them as a zombie.
 */

/**
 * By Docker's word for the architecture: the ELF number of the machine, and the instructions: rt_sigaction with a
 * struct of a handler and no flags, restorer or mask, then a loop around one system call.
 */
const MACHINES: Readonly<Record<string, { readonly elfMachine: number; readonly code: readonly number[] }>> =
  {
    amd64: {
      elfMachine: 0x3e,
      code: [
        ...[0x6a, 0x00], // push 0: no mask
        ...[0x6a, 0x00], // push 0: no restorer
        ...[0x6a, 0x00], // push 0: no flags
        ...[0x6a, 0x01], // push 1: SIG_IGN
        ...[0xbf, 0x11, 0x00, 0x00, 0x00], // mov edi, 17: rt_sigaction(SIGCHLD, …
        ...[0x48, 0x89, 0xe6], // mov rsi, rsp: … the above, …
        ...[0x31, 0xd2], // xor edx, edx: … nothing, …
        ...[0x41, 0xba, 0x08, 0x00, 0x00, 0x00], // mov r10d, 8: … a mask's size)
        ...[0xb8, 0x0d, 0x00, 0x00, 0x00], // mov eax, 13
        ...[0x0f, 0x05], // syscall
        ...[0xb8, 0x22, 0x00, 0x00, 0x00], // mov eax, 34: pause()
        ...[0x0f, 0x05], // syscall
        ...[0xeb, 0xf7], // jmp to pause()
      ],
    },
    arm64: {
      elfMachine: 0xb7,
      code: [
        ...[0x20, 0x00, 0x80, 0xd2], // mov x0, 1: SIG_IGN
        ...[0xe0, 0x7f, 0xbe, 0xa9], // stp x0, xzr, [sp, -32]!: that, no flags, …
        ...[0xff, 0x7f, 0x01, 0xa9], // stp xzr, xzr, [sp, 16]: … no restorer, no mask
        ...[0x20, 0x02, 0x80, 0xd2], // mov x0, 17: rt_sigaction(SIGCHLD, …
        ...[0xe1, 0x03, 0x00, 0x91], // mov x1, sp: … the above, …
        ...[0x02, 0x00, 0x80, 0xd2], // mov x2, 0: … nothing, …
        ...[0x03, 0x01, 0x80, 0xd2], // mov x3, 8: … a mask's size)
        ...[0xc8, 0x10, 0x80, 0xd2], // mov x8, 134
        ...[0x01, 0x00, 0x00, 0xd4], // svc 0
        ...[0x00, 0x00, 0x80, 0xd2], // mov x0, 0: ppoll(nothing, …
        ...[0x01, 0x00, 0x80, 0xd2], // mov x1, 0: … none of it, …
        ...[0x02, 0x00, 0x80, 0xd2], // mov x2, 0: … for ever, …
        ...[0x03, 0x00, 0x80, 0xd2], // mov x3, 0: … with the signals as they are)
        ...[0x28, 0x09, 0x80, 0xd2], // mov x8, 73
        ...[0x01, 0x00, 0x00, 0xd4], // svc 0
        ...[0xfa, 0xff, 0xff, 0x17], // b to ppoll()
      ],
    },
  };

const PROGRAM = 'pause';

/** What makes an image of the archive: the Dockerfile instructions that an import takes. */
export const PAUSE_CHANGES: readonly string[] = [`ENTRYPOINT ["/${PROGRAM}"]`];

/**
 * A tar archive with the program alone; undefined for an architecture that ECS does not run on either.
 * @param architecture as an image's: `amd64`, `arm64`.
 */
export function pauseArchive(architecture: string): Uint8Array | undefined {
  const machine = MACHINES[architecture];
  return machine && tar(PROGRAM, elf(machine.elfMachine, Buffer.from(machine.code)));
}

const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const LOAD_ADDRESS = 0x40_0000n;

/** A static 64-bit executable with one segment: the headers and the code, which is entered at its beginning (elf(5)). */
function elf(machine: number, code: Buffer): Buffer {
  const codeAt = ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;
  const file = Buffer.alloc(codeAt + code.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // magic, 64 bits, little endian, version 1
  file.writeUInt16LE(2, 16); // e_type: executable
  file.writeUInt16LE(machine, 18);
  file.writeUInt32LE(1, 20); // e_version
  file.writeBigUInt64LE(LOAD_ADDRESS + BigInt(codeAt), 24); // e_entry
  file.writeBigUInt64LE(BigInt(ELF_HEADER_BYTES), 32); // e_phoff
  file.writeUInt16LE(ELF_HEADER_BYTES, 52);
  file.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  file.writeUInt16LE(1, 56); // e_phnum

  const header = file.subarray(ELF_HEADER_BYTES);
  header.writeUInt32LE(1, 0); // PT_LOAD
  header.writeUInt32LE(5, 4); // readable, executable
  header.writeBigUInt64LE(LOAD_ADDRESS, 16);
  header.writeBigUInt64LE(LOAD_ADDRESS, 24);
  header.writeBigUInt64LE(BigInt(file.length), 32);
  header.writeBigUInt64LE(BigInt(file.length), 40);
  header.writeBigUInt64LE(0x1000n, 48); // alignment
  file.set(code, codeAt);
  return file;
}

const TAR_BLOCK_BYTES = 512;

/** An archive in the ustar format with one executable file (pax(1p)). */
function tar(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(TAR_BLOCK_BYTES);
  const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;
  header.write(name, 0);
  header.write(octal(0o755, 8), 100);
  header.write(octal(0, 8), 108); // owner
  header.write(octal(0, 8), 116); // group
  header.write(octal(content.length, 12), 124);
  header.write(octal(0, 12), 136); // time
  header.write('        ', 148); // the checksum counts as spaces in itself
  header.write('0', 156); // a regular file
  header.write('ustar\x0000', 257, 'latin1');
  header.write(
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      7,
    ),
    148,
  );

  const padding = Buffer.alloc((TAR_BLOCK_BYTES - (content.length % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES);
  return Buffer.concat([header, content, padding, Buffer.alloc(2 * TAR_BLOCK_BYTES)]);
}
