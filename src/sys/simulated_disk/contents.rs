//! All that is on a simulated disk at one moment; copies share what neither has changed since.
use super::draw::Draw;
use super::node::{DirectoryNode, FileNode, Names, Node, NodeId};
use crate::sys::random::Random;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

const ROOT: NodeId = 0;

/// Files and directories by number; names lead from the root to them.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    nodes: Vec<Arc<Node>>,
}

impl Contents {
    pub(super) fn empty() -> Self {
        let root = Node::Directory(DirectoryNode::default());
        Contents {
            nodes: vec![Arc::new(root)],
        }
    }

    pub(super) fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(Arc::new(node));
        self.nodes.len() - 1
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    pub(super) fn file(&self, id: NodeId) -> io::Result<&FileNode> {
        match &*self.nodes[id] {
            Node::File(file) => Ok(file),
            Node::Directory(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn file_mut(&mut self, id: NodeId) -> io::Result<&mut FileNode> {
        match Arc::make_mut(&mut self.nodes[id]) {
            Node::File(file) => Ok(file),
            Node::Directory(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn directory(&self, id: NodeId) -> io::Result<&DirectoryNode> {
        match &*self.nodes[id] {
            Node::Directory(directory) => Ok(directory),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(super) fn directory_mut(&mut self, id: NodeId) -> io::Result<&mut DirectoryNode> {
        match Arc::make_mut(&mut self.nodes[id]) {
            Node::Directory(directory) => Ok(directory),
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// What has the name `path`.
    pub(super) fn find(&self, path: &Path) -> io::Result<NodeId> {
        let mut at = ROOT;
        for part in path.components() {
            at = match part {
                Component::Normal(name) => {
                    let names = self.directory(at)?.names();
                    let name = name.to_str().ok_or(io::ErrorKind::InvalidInput)?;
                    *names.get(name).ok_or(io::ErrorKind::NotFound)?
                }
                Component::RootDir | Component::CurDir => at,
                Component::ParentDir | Component::Prefix(_) => {
                    return Err(io::ErrorKind::InvalidInput.into());
                }
            };
        }
        Ok(at)
    }

    /// The directory in which `path` is a name, and that name.
    pub(super) fn find_parent<'a>(&self, path: &'a Path) -> io::Result<(NodeId, &'a str)> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or(io::ErrorKind::InvalidInput)?;
        let parent = self.find(path.parent().unwrap_or(Path::new("")))?;
        Ok((parent, name))
    }

    fn names(&self, id: NodeId) -> Option<&Names> {
        self.directory(id).ok().map(DirectoryNode::names)
    }

    /// Every file that a name leads to, with that name.
    pub(super) fn files(&self) -> Vec<(PathBuf, NodeId)> {
        let mut files = Vec::new();
        let mut open = vec![(PathBuf::from("/"), ROOT)];
        while let Some((path, id)) = open.pop() {
            match self.names(id) {
                Some(names) => {
                    let below = names.iter().map(|(name, id)| (path.join(&**name), *id));
                    open.extend(below);
                }
                None => files.push((path, id)),
            }
        }
        files.sort();
        files
    }

    /// The contents as a crash of the machine leaves them, drawn from `seed`.
    pub(super) fn crashed(&self, seed: u64) -> Self {
        let mut pending = Vec::new();
        for node in &self.nodes {
            match &**node {
                Node::File(file) => pending.extend(file.pending()),
                Node::Directory(directory) => pending.extend(directory.pending()),
            }
        }
        // The order decides which operation a draw means, so it must not depend on anything but them.
        pending.sort_unstable();
        let mut draw = Draw::new(seed, &pending);
        let mut left = self.clone();
        let mut open = vec![ROOT];
        while let Some(id) = open.pop() {
            if !self.nodes[id].is_safe() {
                let node = match &*self.nodes[id] {
                    Node::File(file) => Node::File(file.crashed(&mut draw)),
                    Node::Directory(directory) => Node::Directory(directory.crashed(&mut draw)),
                };
                left.nodes[id] = Arc::new(node);
            }
            open.extend(left.names(id).into_iter().flat_map(Names::values));
        }
        left
    }

    /// Whether a crash would change nothing. A file without a name does not count.
    pub(super) fn is_safe(&self) -> bool {
        let mut open = vec![ROOT];
        while let Some(id) = open.pop() {
            if !self.nodes[id].is_safe() {
                return false;
            }
            open.extend(self.names(id).into_iter().flat_map(Names::values));
        }
        true
    }

    /// Does one harm to bytes of a file, drawn from `random`; `None` where there is no byte to harm.
    pub(super) fn decay(&mut self, random: &mut Random) -> Option<(PathBuf, String)> {
        let mut files = self.files();
        files.retain(|(_, id)| self.file(*id).is_ok_and(|file| file.seen.len() > 0));
        let (path, id) = files
            .get(random.below(files.len() as u64) as usize)?
            .clone();
        let file = self.file_mut(id).ok()?;
        let len = file.seen.len();
        let sector = |random: &mut Random| random.below(len.div_ceil(512)) * 512;
        let mut bytes = [0u8; 512];
        let what = match random.below(4) {
            0 | 1 => {
                let at = random.below(len);
                let bit = random.below(8);
                file.seen.read(&mut bytes[..1], at);
                file.decay(&[bytes[0] ^ 1 << bit], at);
                format!("bit {bit} of byte {at} flipped")
            }
            2 => {
                let at = sector(random);
                let end = (len - at).min(512) as usize;
                file.decay(&bytes[..end], at);
                format!("bytes {at}..{} zeroed", at + end as u64)
            }
            _ => {
                let (from, at) = (sector(random), sector(random));
                let end = (len - from.max(at)).min(512) as usize;
                file.seen.read(&mut bytes[..end], from);
                file.decay(&bytes[..end], at);
                format!("{end} bytes at {from} also written to {at}")
            }
        };
        Some((path, what))
    }
}
