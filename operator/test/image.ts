import { fileURLToPath } from 'node:url';
import { GenericContainer } from 'testcontainers';

const built = new Map<string, Promise<unknown>>();

/**
 * Builds the image of a folder below `hack/`, once in a process, and returns its name. The name lets later runs find it.
 */
export async function image(name: string, folder: string): Promise<string> {
  const tag = `localhost/roster-${name}:test`;
  const context = fileURLToPath(new URL(`../../hack/${folder}`, import.meta.url));
  const build = built.get(tag) ?? GenericContainer.fromDockerfile(context).build(tag, { deleteOnExit: false });
  built.set(tag, build);
  await build;
  return tag;
}
