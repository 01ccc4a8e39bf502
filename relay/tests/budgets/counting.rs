//! The allocator of this test binary: the system's, with a count of what the threads allocate that asked to
//! be counted.

#![allow(
    unsafe_code,
    reason = "an allocator is an unsafe trait, and nothing but an allocator sees each allocation"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    // Needs neither memory nor a destructor, so that the allocator can look at it at any time.
    static COUNTER: Cell<Option<&'static AtomicU64>> = const { Cell::new(None) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

/// From now on this thread's allocations are counted in `counter`.
pub(crate) fn count_this_thread(counter: &'static AtomicU64) {
    COUNTER.set(Some(counter));
}

fn count() {
    if let Some(counter) = COUNTER.get() {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes on to the system's allocator as it came; what is done besides does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(memory, layout, bytes) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[test]
fn an_allocation_counts_on_the_threads_that_asked_for_it_only() {
    static COUNTED: AtomicU64 = AtomicU64::new(0);
    std::thread::spawn(|| {
        drop(std::hint::black_box(Box::new(1_u64)));
        count_this_thread(&COUNTED);
        let mut bytes = std::hint::black_box(vec![0_u8; 8]);
        bytes.reserve_exact(1 << 20);
        drop(std::hint::black_box(bytes));
        COUNTER.set(None);
    })
    .join()
    .unwrap();
    assert_eq!(COUNTED.load(Ordering::Relaxed), 2);
}
