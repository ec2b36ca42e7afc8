//! Build script: with the feature `tch`, the programs find libtorch where it lay when they were built, or beside them, without
//! environment variables.

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    let Some(libraries) = std::env::var_os("DEP_TCH_LIBTORCH_LIB") else { return };
    // Windows has no rpath: the libraries lie beside the program or on the PATH there.
    let origin = match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux") => "$ORIGIN",
        Ok("macos") => "@loader_path",
        _ => return,
    };
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", libraries.to_string_lossy());
    println!("cargo::rustc-link-arg=-Wl,-rpath,{origin}/../libtorch/lib");
    println!("cargo::rustc-link-arg=-Wl,-rpath,{origin}/libtorch/lib");
}
