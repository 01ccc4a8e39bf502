//! The calls of the operating system that no safe interface offers: signals of a guard, what
//! happens between fork and exec, and files that were passed on by number.
//!
//! This is the only module with unsafe code; each block says why it is sound. What rustix offers
//! is called where it is needed and not wrapped here.
#![allow(unsafe_code)] // signal dispositions, pre_exec and passed file descriptors have no safe form

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::io::FdFlags;
use rustix::process::{Pid, Signal};

/// The first file descriptor that is passed on under the convention of sd_listen_fds(3).
const PASSED_FD_FIRST: RawFd = 3;

/// Linux has signals 1 to 64.
const SIGNAL_LAST: i32 = 64;

/// Makes the whole process deaf to `signals`. Programs it starts inherit that, but for those
/// started by way of `start_in_own_session`.
pub(crate) fn ignore_signals(signals: &[Signal]) {
    for signal in signals {
        // SAFETY: SIG_IGN is no handler, so no code of ours can run at a bad moment.
        unsafe { libc::signal(signal.as_raw(), libc::SIG_IGN) };
    }
}

/// Puts SIGCHLD back to what it is by default. While it is ignored the system collects children by
/// itself and says nothing.
pub(crate) fn hear_of_children() {
    // SAFETY: SIG_DFL is no handler, so no code of ours can run at a bad moment.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// A file descriptor that is readable while a SIGCHLD waits. It does not block; the signal is
/// held back from the calling thread, which must be the only one.
pub(crate) fn child_signals() -> io::Result<OwnedFd> {
    let set = hold_back(&[libc::SIGCHLD], libc::SIG_BLOCK)?;
    // SAFETY: the set is a whole one, and the answer is checked before it is owned, by nobody but us.
    unsafe {
        let fd = libc::signalfd(-1, &raw const set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

/// Changes which signals are held back from the calling thread; gives the set that it made.
fn hold_back(signals: &[i32], how: i32) -> io::Result<libc::sigset_t> {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set before anything else sees it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        if libc::sigprocmask(how, set.as_ptr(), std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(set.assume_init())
    }
}

/// Closes every file descriptor but stdin, stdout, stderr and `kept`, which stays open until the process
/// ends and which no program that is started has. Only for a process that owns none yet, that is, one
/// that just began.
pub(crate) fn close_inherited_files(kept: Option<RawFd>) {
    let close = |first: RawFd, last: libc::c_uint| {
        // SAFETY: nothing in this process has opened a file yet (the caller's promise), so nobody's
        // descriptor is closed under them. An old kernel refuses, and then they merely stay open; so
        // does an empty range.
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    };
    let Some(kept) = kept.filter(|kept| *kept >= PASSED_FD_FIRST) else {
        return close(PASSED_FD_FIRST, libc::c_uint::MAX);
    };
    close(PASSED_FD_FIRST, kept.cast_unsigned() - 1);
    close(kept + 1, libc::c_uint::MAX);
    // SAFETY: a number that is not open is an error and no harm.
    unsafe { libc::fcntl(kept, libc::F_SETFD, libc::FD_CLOEXEC) };
}

/// The program will have `file` open, under the number that it has here; no other program will that is
/// started meanwhile.
pub(crate) fn leave_open(command: &mut Command, file: File) {
    let leave = move || Ok(rustix::io::fcntl_setfd(&file, FdFlags::empty())?);
    // SAFETY: between fork and exec only a system call is made, on the new process's own table.
    unsafe { command.pre_exec(leave) };
}

/// The program will be in a session of its own, with every signal as the system has it by
/// default, and is killed when its parent, the calling thread, ends.
pub(crate) fn start_in_own_session(command: &mut Command) {
    let parent = rustix::process::getpid();
    // SAFETY: between fork and exec only system calls are made; nothing allocates or locks.
    unsafe { command.pre_exec(move || become_session(parent)) };
}

/// What the new process does before it becomes the program.
fn become_session(parent: Pid) -> io::Result<()> {
    for signal in 1..=SIGNAL_LAST {
        // SAFETY: SIG_DFL is no handler. Refused for SIGKILL, SIGSTOP and the C library's own.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    hold_back(&[], libc::SIG_SETMASK)?;
    rustix::process::setsid()?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have been gone before the wish was known.
    if rustix::process::getppid() == Some(parent) {
        Ok(())
    } else {
        Err(io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

/// The program will find `files` as its descriptors 3, 4 and so on. Starting it fails with EBADF
/// where one of these numbers changed hands between this call and the start.
pub(crate) fn pass_files(command: &mut Command, files: &[OwnedFd]) -> io::Result<()> {
    let count = RawFd::try_from(files.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // Copies above the range they are moved to, so that none is overwritten before its turn.
    let copies = files
        .iter()
        .map(|file| rustix::io::fcntl_dupfd_cloexec(file, PASSED_FD_FIRST + count))
        .collect::<Result<Vec<_>, _>>()?;
    let fillers = fill_gaps(&copies, PASSED_FD_FIRST + count)?;
    let targets = (PASSED_FD_FIRST..PASSED_FD_FIRST + count)
        .map(|target| identity(target).map(|identity| (target, identity)))
        .collect::<io::Result<Vec<_>>>()?;
    let place = move || {
        let _ = &fillers;
        for ((target, was), copy) in targets.iter().zip(&copies) {
            // The pipe on which a failure to start is told is made later than the list, so where it
            // got one of these numbers the identity is another.
            if identity(*target)? != *was {
                return Err(io::Error::from_raw_os_error(libc::EBADF));
            }
            // SAFETY: the new process runs this alone before it becomes the program. What it replaces
            // was open before the process was made, as was just seen: a file of the parent's, whose
            // copy nothing here uses.
            if unsafe { libc::dup2(copy.as_raw_fd(), *target) } < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made; nothing allocates or locks.
    unsafe { command.pre_exec(place) };
    Ok(())
}

/// Takes every free number below `end` with a copy of one of the files, so that nothing that is
/// opened while they are kept gets one.
fn fill_gaps(files: &[OwnedFd], end: RawFd) -> io::Result<Vec<OwnedFd>> {
    let mut fillers = Vec::new();
    let Some(file) = files.first() else { return Ok(fillers) };
    loop {
        let filler = rustix::io::fcntl_dupfd_cloexec(file, PASSED_FD_FIRST)?;
        if filler.as_raw_fd() >= end {
            return Ok(fillers);
        }
        fillers.push(filler);
    }
}

/// Tells the open file behind a number from any other pipe or socket.
fn identity(fd: RawFd) -> io::Result<(libc::dev_t, libc::ino_t)> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: a number that is not open is an error; where there is none the answer was written.
    unsafe {
        if libc::fstat(fd, stat.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let stat = stat.assume_init();
        Ok((stat.st_dev, stat.st_ino))
    }
}

/// The `count` descriptors that were passed to this process, from 3 on. They can be taken once;
/// after that, and where one is not open, there are none.
pub(crate) fn take_passed_files(count: usize) -> Vec<OwnedFd> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Vec::new();
    }
    (PASSED_FD_FIRST..)
        .take(count)
        // SAFETY: asking for the flags of a number that is not open is an error and no harm.
        .take_while(|&fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0)
        // SAFETY: it is open, whoever started this process says that it is for us (LISTEN_PID),
        // and TAKEN sees to it that it gets one owner.
        .map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
        .collect()
}

/// Gives the heap's free pages back to the system. The C library by itself gives back only what is free at
/// the end of the heap, and after a burst something small always lives there.
#[cfg(target_env = "gnu")]
pub(crate) fn trim_heap() {
    // SAFETY: the call only looks at memory that is free, under the allocator's own locks (malloc_trim(3)).
    unsafe { libc::malloc_trim(0) };
}

/// Another C library has no such call.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn trim_heap() {}
