# Sourced by the scripts beside it, from the repository's root: what more than one of them does.
# shellcheck shell=bash

# Runs a command as root; where that cannot be, says which command is to be run and fails.
as_root() {
  if ((EUID == 0)); then
    "$@"
  # Without a terminal nobody can type a password.
  elif command -v sudo >/dev/null && { [[ -t 0 ]] || sudo -n true 2>/dev/null; }; then
    sudo "$@"
  else
    echo "As root, run:" >&2
    echo "  $*" >&2
    return 1
  fi
}

# Builds the named programs with Swift's libraries inside, and sets `bin` to the folder they lie in.
build_release() {
  # The toolchain's own linker: the default one warns of every `mktemp` in Foundation.
  local flags=(--configuration release --static-swift-stdlib -Xswiftc -use-ld=lld)
  for product in "$@"; do
    swift build "${flags[@]}" --product "$product"
  done
  # shellcheck disable=SC2034 # for the caller
  bin=$(swift build "${flags[@]}" --show-bin-path)
}

# Keeps compiled kernels beside the build: a run here neither meets a user's cache nor fills it, and the next one is
# warm.
use_build_cache() {
  export CACHE_DIRECTORY=$PWD/.build/opencl-cache
  mkdir -p "$CACHE_DIRECTORY"
  chmod 0700 "$CACHE_DIRECTORY"
}
