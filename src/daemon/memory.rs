//! What only the start has needed is given back.

/// Gives back what the start has left: freed pieces of the heap, and pages of the program itself that were read once
/// (relocations, migrations, the parsing of settings). Those that are needed again come back from the file.
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
    {
        // SAFETY: malloc_trim(3) may be called at any time; so may dl_iterate_phdr(3), which hands `of_program` what it
        // promises.
        unsafe {
            libc::malloc_trim(0);
            libc::dl_iterate_phdr(Some(of_program), std::ptr::null_mut());
        }
    }
}

/// Gives back the pages of the first object, which is the program, that are never written and so as they are in its file.
#[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
unsafe extern "C" fn of_program(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    _data: *mut libc::c_void,
) -> libc::c_int {
    const ENOUGH: libc::c_int = 1;
    // SAFETY: both are valid during the call (dl_iterate_phdr(3)).
    let (program, headers) = unsafe {
        let program = &*info;
        (program, std::slice::from_raw_parts(program.dlpi_phdr, usize::from(program.dlpi_phnum)))
    };
    // SAFETY: sysconf(3) reads a constant.
    let page = u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096);
    for header in headers {
        if header.p_type != libc::PT_LOAD || header.p_flags & libc::PF_W != 0 {
            continue;
        }
        let start = (program.dlpi_addr + header.p_vaddr) & !(page - 1);
        let end = (program.dlpi_addr + header.p_vaddr + header.p_memsz).next_multiple_of(page);
        // SAFETY: a private mapping of a file that nobody writes to (code for 64 bits has no relocations in its text) is
        // read from the file again. Where that cannot be done nothing happens.
        unsafe {
            libc::madvise(start as *mut libc::c_void, (end - start) as usize, libc::MADV_DONTNEED);
        }
    }
    ENOUGH
}
